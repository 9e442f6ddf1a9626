// What pools under test are asked to do, in a thread or without one.

import { CorruptError } from "@varve/format";

/**
 * `gate`, shared: [0] lets "wait" go on, [1] counts the tasks that wait, [2] counts servers that were closed.
 * @param {{ gate?: Int32Array } | undefined} settings
 */
export function testServer(settings) {
	const gate = settings?.gate;
	const seen = [];
	return {
		run(task) {
			seen.push(task.n);
			switch (task.do) {
				case "square":
					return { reply: task.n * task.n };
				case "list":
					return { reply: [...seen] };
				case "double bytes": {
					const bytes = new Uint8Array(task.buffer).map((byte) => byte * 2);
					return { reply: bytes, transfer: [bytes.buffer] };
				}
				case "corrupt": {
					const cause = new RangeError("beyond the end");
					throw new CorruptError(
						"BAD_FRAME",
						"a frame is torn",
						{ at: 7n },
						{ cause },
					);
				}
				case "wait":
					Atomics.add(gate, 1, 1);
					Atomics.notify(gate, 1);
					Atomics.wait(gate, 0, 0);
					return { reply: "went on" };
				case "exit":
					return process.exit(3);
				case "crash":
					setImmediate(() => {
						throw new TypeError("thrown outside of a task");
					});
					return { reply: "not yet" };
				default:
					throw new Error(`unknown task ${task.do}`);
			}
		},
		close() {
			if (gate !== undefined) Atomics.add(gate, 2, 1);
		},
	};
}
