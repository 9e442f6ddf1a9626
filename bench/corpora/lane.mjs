// One worker thread of a generator.
import { workerData } from "node:worker_threads";

const { fill } = await import(workerData.url);
fill(workerData.task);
