// Replies with what it was given.

import { serveTasks } from "@varve/kernel";

serveTasks({
	run: (task) => ({
		reply: task,
		transfer: task.stats === undefined ? [] : [task.stats.buffer],
	}),
});
