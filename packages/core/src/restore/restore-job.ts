import { BaseTable } from "../base-places.ts";
import { FrameCache } from "../frame-cache.ts";
import type { JobContext, JobFactory } from "../job.ts";
import { BatchFrames } from "./batch-frames.ts";
import { loadNativeCalls } from "./native-times.ts";
import { Owners } from "./owners.ts";
import { PartReader } from "./part-reader.ts";
import { PartWriter } from "./part-writer.ts";
import { Tally } from "./tally.ts";
import type {
	RestoreReply,
	RestoreSetup,
	RestoreTask,
	WriteTask,
} from "./tasks.ts";

/** What restore does in each thread: decodes frames, proves chunks, writes files. */
export const createRestoreJob: JobFactory = async (context, setup) => {
	const { target } = setup as RestoreSetup;
	const write = taskWriter(context, setup as RestoreSetup);
	const reader = new PartReader(target, context.kernel.tools);
	return {
		run(given) {
			const task = given as RestoreTask;
			return {
				reply: task.type === "write" ? write(task) : reader.compare(task),
			};
		},
		close: () => {},
	};
};

function taskWriter(
	{ reads, kernel: { tools } }: JobContext,
	{ target, cacheBytes }: RestoreSetup,
): (task: WriteTask) => RestoreReply {
	const lookup = new BaseTable();
	const cache = new FrameCache({ reads, tools, lookup }, cacheBytes);
	const writer = new PartWriter({ target, native: loadNativeCalls() });
	return ({ id, owners: rules, frames: columns, bases, parts }) => {
		lookup.tell(bases);
		const tally = new Tally();
		const owners = new Owners(rules);
		const frames = new BatchFrames(cache, tools, columns);
		for (let part = 0; part < parts.suffixes.length; part++)
			writer.write(parts, part, { frames, owners, tally });
		return tally.reply(id);
	};
}
