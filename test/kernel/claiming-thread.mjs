// One of several threads that claim the same ids in the same order, as close to each other as can be.

import { parentPort, workerData } from "node:worker_threads";
import { ClaimTable } from "@varve/kernel";

const idBytes = 32;
const { buffers, all, gate, threads } = workerData;
const table = new ClaimTable(buffers);
const granted = new Uint8Array(all.length / idBytes);

const ready = new Int32Array(gate);
let there = Atomics.add(ready, 0, 1) + 1;
if (there === threads) Atomics.notify(ready, 0);
for (; there < threads; there = Atomics.load(ready, 0))
	Atomics.wait(ready, 0, there);

for (let i = 0; i < granted.length; i++)
	granted[i] = table.claim(all, i * idBytes) ? 1 : 0;
parentPort.postMessage(granted);
