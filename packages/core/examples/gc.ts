// Keeps the newest snapshots of each host and path, and frees what only the others needed. With Node 22.18 or later, after a build:
//
//   node packages/core/examples/gc.ts REPOSITORY [COUNT]

import { pathToFileURL } from "node:url";
import {
	forget,
	type GcResult,
	gc,
	listSnapshots,
	openRepository,
	planForget,
} from "@varve/core";

/** Waits a minute for others who work there. What is freed cannot be brought back: there is no grace. */
export async function keepNewest(
	location: string,
	count: number,
): Promise<GcResult> {
	await using repository = await openRepository({ location });
	const plan = planForget(await listSnapshots(repository), {
		policy: { keepLast: count },
		now: Date.now(),
	});
	const { forgotten } = await forget(repository, plan);
	console.log(`${forgotten.length} snapshots forgotten`);
	return await gc(repository, {
		grace: 0,
		wait: 60_000,
		maxUnused: { share: 0.1 },
	});
}

function describe({ state, bytesFreed, waitingFor }: GcResult): string {
	if (state !== "pending") return `${state}: ${bytesFreed} bytes freed`;
	const hosts = waitingFor.map(({ record }) => record?.host ?? "somebody");
	return `${bytesFreed} bytes to be freed by the next gc, after ${hosts.join(", ")}`;
}

if (import.meta.url === pathToFileURL(process.argv[1] ?? "").href) {
	const [location = ".", count = "3"] = process.argv.slice(2);
	console.log(describe(await keepNewest(location, Number(count))));
}
