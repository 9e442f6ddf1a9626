import type { LookupDescriptor } from "@varve/store";
import { FrameCache } from "../frame-cache.ts";
import type { Job, JobContext, JobFactory } from "../job.ts";
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
	const { target, owners, cacheBytes, lookup } = setup as RestoreSetup;
	const opened = await context.openLookup(lookup as LookupDescriptor);
	const tools = context.kernel.tools;
	const cache = new FrameCache(
		{ reads: context.reads, tools, lookup: opened },
		cacheBytes,
	);
	const writer = new PartWriter({
		target,
		owners: new Owners(owners),
		native: loadNativeCalls(),
	});
	const reader = new PartReader(target, tools);
	return restoreJob({
		context,
		cache,
		writer,
		reader,
		close: () => opened.close(),
	});
};

interface Parts {
	readonly context: JobContext;
	readonly cache: FrameCache;
	readonly writer: PartWriter;
	readonly reader: PartReader;
	readonly close: () => void;
}

function restoreJob({ context, cache, writer, reader, close }: Parts): Job {
	const write = ({ id, frames, parts }: WriteTask): RestoreReply => {
		const tally = new Tally();
		const to = {
			frames: new BatchFrames(cache, context.kernel.tools, frames),
			tally,
		};
		for (let part = 0; part < parts.suffixes.length; part++)
			writer.write(parts, part, to);
		return tally.reply(id);
	};
	return {
		run(given) {
			const task = given as RestoreTask;
			return {
				reply: task.type === "write" ? write(task) : reader.compare(task),
			};
		},
		close,
	};
}
