// A thread of a pool under test.

import { workerData } from "node:worker_threads";
import { serveTasks } from "@varve/kernel";
import { testServer } from "./pool-server.mjs";

if (workerData?.broken) throw new Error("broken from the start");
serveTasks(testServer(workerData));
