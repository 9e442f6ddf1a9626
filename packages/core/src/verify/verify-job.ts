import { BaseTable } from "../base-places.ts";
import { FrameCache } from "../frame-cache.ts";
import type { JobFactory } from "../job.ts";
import { RangeCheck } from "./range-check.ts";
import { simulateBatch } from "./simulate-job.ts";
import type { SimulationTask, VerifySetup, VerifyTask } from "./tasks.ts";

/** What verify does in each thread: reads ranges of packs, checks blocks, decodes frames and proves chunks. */
export const createVerifyJob: JobFactory = async (context, setup) => {
	const { cacheBytes } = setup as VerifySetup;
	const { reads } = context;
	const { tools } = context.kernel;
	const lookup = new BaseTable();
	const bases = new FrameCache({ reads, tools, lookup }, cacheBytes);
	const check = new RangeCheck({ reads, tools, bases, places: lookup });
	return {
		run(given) {
			const task = given as VerifyTask | SimulationTask;
			lookup.tell(task.bases);
			return {
				reply:
					"simulate" in task
						? simulateBatch(task, bases, tools)
						: check.run(task),
			};
		},
		close: () => {},
	};
};
