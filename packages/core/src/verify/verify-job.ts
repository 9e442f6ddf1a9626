import type { LookupDescriptor } from "@varve/store";
import { FrameCache } from "../frame-cache.ts";
import type { JobFactory } from "../job.ts";
import { RangeCheck } from "./range-check.ts";
import type { VerifySetup, VerifyTask } from "./tasks.ts";

/** What verify does in each thread: reads ranges of packs, checks blocks, decodes frames and proves chunks. */
export const createVerifyJob: JobFactory = async (context, setup) => {
	const { lookup, cacheBytes } = setup as VerifySetup;
	const opened =
		lookup === undefined
			? undefined
			: await context.openLookup(lookup as LookupDescriptor);
	const { reads, kernel } = context;
	const bases = new FrameCache(
		{
			reads,
			tools: kernel.tools,
			lookup: { find: (ids, at) => opened?.find(ids, at) },
		},
		cacheBytes,
	);
	const check = new RangeCheck({ reads, tools: kernel.tools, bases });
	return {
		run: (task) => ({ reply: check.run(task as VerifyTask) }),
		close: () => opened?.close(),
	};
};
