// Worker threads for the generators: each takes every n-th piece of the work and makes it with synchronous calls.
import { availableParallelism } from "node:os";
import { Worker } from "node:worker_threads";

/**
 * Runs `fill(task)` of the module at `url` in worker threads, once for each of `lanes` lanes; the task gets `lane` and
 * `lanes`. What is made must not depend on the number of lanes.
 */
export async function fanOut(url, task, lanes = availableParallelism()) {
	const runs = Array.from({ length: lanes }, (_, lane) =>
		runLane(url, { ...task, lane, lanes }),
	);
	await Promise.all(runs);
}

function runLane(url, task) {
	return new Promise((resolve, reject) => {
		const worker = new Worker(new URL("./lane.mjs", import.meta.url), {
			workerData: { url: String(url), task },
		});
		worker.once("error", reject);
		worker.once("exit", (code) =>
			code === 0 ? resolve() : reject(new Error(`a generator exited: ${code}`)),
		);
	});
}
