import { gc, isVarveError, verify } from "@varve/core";
import type { RemoveBackend } from "@varve/store";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import {
	Bench,
	backendWith,
	type Files,
	filesOf,
	noise,
	openOn,
	readAll,
	worse,
	wrong,
} from "./repair/bench.ts";
import { StoppingBackend } from "./repair/stopping-backend.ts";
import { type Woe, woes } from "./repair/woes.ts";
import { share } from "./workshop.ts";

const step = share || 5;

let bench: Bench;
beforeAll(async () => {
	bench = await Bench.make(
		{
			kept: noise(3000, 1),
			sub: { large: noise(9000, 2), text: "words ".repeat(900) },
		},
		{ more: { a: noise(3000, 5), b: "short" } },
	);
});
afterAll(() => bench.remove());

/** As a process on another machine does that has seen no sign of life for half an hour. */
async function takeForDead(backend: RemoveBackend): Promise<void> {
	for (const stage of await backend.listStages()) await backend.fence(stage);
	const lease = "0123456789abcdef".repeat(2);
	const stage = await backend.stage(lease as never);
	for (const { name } of await backend.list("leases"))
		await backend.remove(stage, "leases", name);
	await stage.release();
}

/** A gc that finds that something is missing deletes nothing, and says so. */
async function collect(backend: RemoveBackend): Promise<void> {
	await gc(await openOn(backend), { grace: 0 }).catch((error) => {
		if (!isVarveError(error) || error.name !== "CorruptError") throw error;
	});
}

interface Stopped {
	readonly calls: number;
	readonly isFenced: boolean;
	readonly complaints: readonly string[];
}

/** A repair is stopped before its n-th call, taken for dead, and done by somebody else, with a gc behind; then it goes on. */
async function stopAt(woe: Woe, damaged: Files, nth: number): Promise<Stopped> {
	const backend = await backendWith(damaged);
	const before = await readAll(await openOn(backend));
	const stopping = new StoppingBackend(backend, nth, async () => {
		await takeForDead(backend);
		await woe.mend(await openOn(backend));
		await collect(backend);
	});
	const end: unknown = await openOn(stopping.backend)
		.then(woe.mend)
		.catch((error) => error);
	const isFailed = end instanceof Error;
	const complaints: string[] = [];
	if (isFailed && !isVarveError(end)) complaints.push(`ends with ${end.stack}`);
	const after = await readAll(await openOn(backend));
	// Damaged snapshots that were forgotten may have been collected.
	const left = new Map([...before].filter(([id]) => after.has(id)));
	if (woe.name !== "repair snapshots" && left.size < before.size)
		complaints.push("a snapshot is gone");
	complaints.push(...worse(left, after), ...wrong(bench.contents, after));
	await woe.mend(await openOn(backend));
	await verify(await openOn(backend), { level: "data" });
	const where = `call ${nth} (${stopping.stoppedAt})`;
	return {
		calls: stopping.calls,
		isFenced: isFailed && isVarveError(end) && end.code === "FENCED",
		complaints: complaints.map((text) => `${where}: ${text}`),
	};
}

describe.each(woes.map((woe) => [woe.name, woe] as const))("%s", (_, woe) => {
	test("stopped anywhere and taken for dead, while another does it and collects, costs nothing when it goes on (T45)", async () => {
		const backend = await bench.fresh();
		await woe.damage(backend, bench);
		const damaged = await filesOf(backend);
		const complaints: string[] = [];
		let fenced = 0;
		const whole = await stopAt(woe, damaged, Number.POSITIVE_INFINITY);
		for (let nth = 1; nth <= whole.calls; nth += step) {
			const stopped = await stopAt(woe, damaged, nth);
			complaints.push(...stopped.complaints);
			if (stopped.isFenced) fenced++;
		}
		expect(whole.calls).toBeGreaterThan(20);
		expect(complaints).toEqual([]);
		expect(fenced).toBeGreaterThan(0);
	}, 600_000);
});
