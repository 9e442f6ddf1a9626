import { gc } from "@varve/core";
import type { FsLayer } from "@varve/store";
import { beforeAll, describe, expect, test } from "vitest";
import type { MemoryDisk } from "./memory-disk.ts";
import {
	type Bench,
	leftoversOn,
	lookAfter,
	makeBench,
	share,
	takeIn,
	within,
} from "./workshop.ts";

const step = share || 5;

/** A disk that stops who works on it, for as long as `meanwhile` takes, before its n-th call that can wait. */
class StoppingDisk {
	readonly layer: FsLayer;
	calls = 0;
	stoppedAt = "";

	constructor(disk: MemoryDisk, at: number, meanwhile: () => Promise<void>) {
		const entries = Object.entries(disk.layer).map(([name, call]) => {
			if (name.endsWith("Sync")) return [name, call];
			const stopping = async (...words: unknown[]) => {
				if (++this.calls === at) {
					this.stoppedAt = `${name} ${String(words[0]).replace(/[0-9a-f]{32,}/g, "…")}`;
					await meanwhile();
				}
				return await (call as (...words: unknown[]) => unknown)(...words);
			};
			return [name, stopping];
		});
		this.layer = Object.fromEntries(entries) as FsLayer;
	}
}

interface Stopped {
	readonly calls: number;
	readonly isFenced: boolean;
	/** The gc deleted something. */
	readonly isSwept: boolean;
	readonly complaints: readonly string[];
}

/** A writer is stopped before its n-th call, taken for dead, and a whole gc runs; then it goes on. */
async function stopAt(bench: Bench, at: number): Promise<Stopped> {
	const disk = bench.disk.copy();
	let isSwept = false;
	const stopping = new StoppingDisk(disk, at, async () => {
		const { state } = await within(disk, (other) => gc(other, { grace: 0 }));
		isSwept = state === "swept";
	});
	const end: unknown = await within(
		stopping as unknown as MemoryDisk,
		(repository) => takeIn(repository, bench.source),
		{},
	).catch((error) => error);
	const isFenced = (end as { code?: string }).code === "FENCED";
	const left = leftoversOn(disk).map((name) => `${name} is left`);
	const { listed, complaints } = await lookAfter(disk, bench);
	const all = [...left, ...complaints];
	if (end instanceof Error && !isFenced) all.push(`ended with ${end.stack}`);
	if (listed.length !== (isFenced ? 1 : 2))
		all.push(`${listed.length} snapshots, ${isFenced ? "" : "not "}fenced`);
	const when = `stopped at ${at}, ${stopping.stoppedAt}: `;
	return {
		calls: stopping.calls,
		isFenced,
		isSwept,
		complaints: all.map((complaint) => when + complaint),
	};
}

describe("a writer that is stopped anywhere, fenced, and goes on after a whole gc", () => {
	const wrong: string[] = [];
	let fenced = 0;
	let swept = 0;
	let tried = 0;

	beforeAll(async () => {
		const bench = await makeBench();
		const whole = await stopAt(bench, Number.POSITIVE_INFINITY);
		expect(whole.complaints).toEqual([]);
		for (let at = 1; at <= whole.calls; at += step, tried++) {
			const { isFenced, isSwept, complaints } = await stopAt(bench, at);
			wrong.push(...complaints);
			if (isFenced) fenced++;
			if (isSwept) swept++;
		}
	}, 600_000);

	test("makes no snapshot, or one that restores, and leaves nothing (T20)", () => {
		expect(wrong).toEqual([]);
		expect(tried).toBeGreaterThan(100 / step);
		expect(fenced / tried).toBeGreaterThan(0.3);
		expect(swept / tried).toBeGreaterThan(0.05);
	});
});
