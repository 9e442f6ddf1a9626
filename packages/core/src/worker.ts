import { type MessagePort, parentPort, workerData } from "node:worker_threads";
import { type Config, toWire } from "@varve/format";
import type { BackendDescriptor } from "@varve/store";
import { serve, type WorkerOrders } from "./crew.ts";
import type { Job, JobContext } from "./job.ts";
import { jobFactory } from "./jobs.ts";

/** What a worker needs to know of the repository. */
export interface WorkerRepository {
	readonly config: Config;
	readonly backend: BackendDescriptor;
}

/** Entry of a worker thread: makes the real parts, then runs one task after the other. */
async function start(port: MessagePort, orders: WorkerOrders): Promise<void> {
	// Tasks that come before the job is ready wait in the port.
	const job = await makeJob(orders);
	port.on("message", (task: object) => {
		if ("stop" in task) {
			job.close();
			port.close();
		} else
			serve(job, task, (message, transfer) =>
				port.postMessage(message, transfer as ArrayBuffer[]),
			);
	});
	port.postMessage({ ready: true });
}

async function makeJob({ job, repository, setup }: WorkerOrders): Promise<Job> {
	const factory = await jobFactory(job);
	return factory(await makeContext(repository as WorkerRepository, job), setup);
}

/** Loaded when they are needed: listing directories needs none of it. */
async function makeContext(
	{ config, backend }: WorkerRepository,
	job: string,
): Promise<JobContext> {
	if (job === "scout") return undefined as never;
	const { createKernel, createToolbox } = await import("@varve/kernel");
	const { openBlockingReads, openChunkLookup, openSpool } = await import(
		"@varve/store"
	);
	return {
		config,
		kernel: createKernel(await createToolbox(), { config }),
		reads: openBlockingReads(backend),
		openLookup: openChunkLookup,
		openSpool: (descriptor) =>
			openSpool(descriptor as NonNullable<typeof descriptor>),
	};
}

const port = parentPort;
if (port !== null)
	start(port, workerData as WorkerOrders).catch((error: unknown) => {
		port.postMessage({ failure: toWire(error) });
	});
