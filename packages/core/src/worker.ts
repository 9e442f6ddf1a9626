import { workerData } from "node:worker_threads";
import type { Config } from "@varve/format";
import {
	createKernel,
	createToolbox,
	type Server,
	serveTasks,
} from "@varve/kernel";
import {
	type BackendDescriptor,
	openBlockingReads,
	openChunkLookup,
	openSpool,
} from "@varve/store";
import type { JobContext } from "./job.ts";
import { jobFactory } from "./jobs.ts";

/** What a worker thread is told when it starts. */
export interface WorkerOrders {
	readonly job: string;
	readonly config: Config;
	readonly backend: BackendDescriptor;
	/** Of the job. */
	readonly setup: unknown;
}

/** Entry of a worker thread: makes the real parts, then runs one task after the other; tasks that came before wait in the port. */
async function start({
	job,
	config,
	backend,
	setup,
}: WorkerOrders): Promise<Server<unknown, unknown>> {
	const tools = await createToolbox();
	const context: JobContext = {
		config,
		kernel: createKernel(tools, { config }),
		reads: openBlockingReads(backend),
		openLookup: (descriptor) =>
			openChunkLookup(descriptor, (bytes) => tools.hash64(bytes)),
		openSpool: (descriptor) =>
			openSpool(descriptor as NonNullable<typeof descriptor>),
	};
	const factory = await jobFactory(job);
	return factory(context, setup);
}

/** What went wrong at the start is the answer to every task, so that it crosses like any other failure. */
function failing(error: unknown): Server<unknown, unknown> {
	return {
		run() {
			throw error;
		},
	};
}

serveTasks(await start(workerData as WorkerOrders).catch(failing));
