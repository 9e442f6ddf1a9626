import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import {
	createLocalBackend,
	createMemoryBackend,
	openLocalBackend,
} from "@varve/store";
import { describeBackend, faultyBackend } from "@varve/testkit";

describeBackend("in a local directory", async () => {
	const folder = await mkdtemp(join(tmpdir(), "varve-backend-"));
	return {
		backend: await createLocalBackend(join(folder, "repository")),
		other: await openLocalBackend(join(folder, "repository")),
		dispose: () => rm(folder, { recursive: true }),
	};
});

describeBackend("in memory", async () => {
	const backend = createMemoryBackend();
	return { backend, other: backend, dispose: async () => undefined };
});

describeBackend("that is faulty, without a fault", async () => {
	const backend = faultyBackend(createMemoryBackend(), []);
	return { backend, other: backend, dispose: async () => undefined };
});
