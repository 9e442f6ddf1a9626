import { BaseTable } from "../base-places.ts";
import { FrameCache } from "../frame-cache.ts";
import type { JobContext, JobFactory } from "../job.ts";
import { BatchFrames } from "./batch-frames.ts";
import { Owners } from "./owners.ts";
import { PartReader } from "./part-reader.ts";
import { PartWriter } from "./part-writer.ts";
import { Tally } from "./tally.ts";
import { loadTargetCalls } from "./target-calls.ts";
import { type TargetRoot, TargetTree } from "./target-tree.ts";
import type {
	RestoreReply,
	RestoreSetup,
	RestoreTask,
	WriteTask,
} from "./tasks.ts";

/** What restore does in each thread: decodes frames, proves chunks, writes files. */
export const createRestoreJob: JobFactory = async (context, setup) => {
	const calls = loadTargetCalls();
	let tree: TargetTree | undefined;
	const treeAt = (root: TargetRoot) => {
		tree ??= new TargetTree(root, { capacity, openAt: calls.openAt });
		tree.root = root;
		return tree;
	};
	let write: TaskWriter | undefined;
	let reader: PartReader | undefined;
	return {
		run(given) {
			const task = given as RestoreTask;
			const target = treeAt(task.target);
			if (task.type === "check") {
				reader ??= new PartReader(target, context.kernel.tools);
				return { reply: reader.compare(task) };
			}
			write ??= taskWriter(
				context,
				setup as RestoreSetup,
				new PartWriter({ tree: target, calls }),
			);
			return { reply: write(task) };
		},
		close: () => tree?.close(),
	};
};

/** Directories kept open by each thread: files come in the order of the walk. */
const capacity = 16;

type TaskWriter = (task: WriteTask) => RestoreReply;

function taskWriter(
	{ reads, kernel: { tools } }: JobContext,
	{ cacheBytes }: RestoreSetup,
	writer: PartWriter,
): TaskWriter {
	const lookup = new BaseTable();
	const cache = new FrameCache({ reads, tools, lookup }, cacheBytes);
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
