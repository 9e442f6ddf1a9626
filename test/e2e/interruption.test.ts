import { once } from "node:events";
import { readdirSync } from "node:fs";
import { setTimeout as pause } from "node:timers/promises";
import { initRepository } from "@varve/core";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { filesIn, Workbench } from "./workbench.ts";

const mebibyte = 1024 * 1024;
const files = 24;
const bench = new Workbench();
const source = bench.path("source");

/** Packs of one MiB, so that there are many moments at which some are durable and others not. */
beforeAll(async () => {
	const repository = await initRepository({
		location: bench.repository,
		parameters: { packBytes: mebibyte, frameBytes: mebibyte / 2 },
	});
	await repository.close();
	for (let i = 0; i < files; i++)
		bench.write(`source/file-${i}`, incompressible(i, mebibyte));
});
afterAll(() => bench.remove());

function incompressible(seed: number, length: number): Uint8Array {
	const words = new Uint32Array(length / 4);
	let state = seed * 2 + 1;
	for (let i = 0; i < words.length; i++) {
		state ^= state << 13;
		state ^= state >>> 17;
		state ^= state << 5;
		words[i] = state;
	}
	return new Uint8Array(words.buffer);
}

const packs = () => filesIn(bench.path("repository", "packs"));
const bytesIn = (found: ReadonlyMap<string, number>) =>
	[...found.values()].reduce((sum, size) => sum + size, 0);
const snapshots = () => bench.summary("snapshots")["snapshots_count"];
const namesIn = (folder: string) =>
	readdirSync(bench.path("repository", folder));

/** A slow snapshot, once so many packs more than now are durable. */
async function slowSnapshot(morePacks: number) {
	const wanted = packs().size + morePacks;
	const child = bench.start([
		...["-r", bench.repository, "--json", "snapshot", source],
		...["--limit-read", "8M", "--workers", "1"],
	]);
	const ended = once(child, "close");
	let stdout = "";
	child.stdout?.on("data", (text) => {
		stdout += text;
	});
	while (packs().size < wanted && child.exitCode === null) await pause(5);
	return { child, end: async () => (await ended)[0], text: () => stdout };
}

describe("a snapshot that is interrupted", () => {
	test.each([
		["SIGINT", 130, 1],
		["SIGTERM", 143, 4],
		["SIGINT", 130, 6],
	] as const)(
		"by %s ends with %d and no snapshot, wherever it is, and the next run stores only what is not there (T06)",
		async (signal, code, morePacks) => {
			const before = packs();
			const { child, end, text } = await slowSnapshot(morePacks);
			child.kill(signal);
			expect(await end()).toBe(code);
			expect(text()).toContain('"message_type":"exit_error"');
			expect(snapshots()).toBe(0);
			expect(namesIn("tmp")).toEqual([]);
			expect(namesIn("leases")).toEqual([]);
			expect(packs().size).toBeGreaterThanOrEqual(before.size + morePacks);
			for (const [path, size] of before) expect(packs().get(path)).toBe(size);
		},
	);

	test("leaves to the next run what it made durable: each byte is stored once (T06)", () => {
		const stored = bytesIn(packs());
		expect(stored).toBeGreaterThan(8 * mebibyte);
		const summary = bench.summary(["snapshot", source]);
		const added = Number(summary["data_added"]);
		expect(added).toBeGreaterThan(mebibyte);
		// All content, and little beside it: nothing was stored twice.
		expect(bytesIn(packs())).toBeLessThan(files * mebibyte * 1.01);
		expect(stored + added).toBeLessThan(files * mebibyte * 1.02);
		bench.done(["verify", "--read-data"]);
		expect(bench.done("doctor").lines.at(-1)).toBe("all is well");
	});

	test("twice ends at once, and the next run clears up after it (T06)", async () => {
		bench.write("source/more", incompressible(99, 8 * mebibyte));
		const { child, end } = await slowSnapshot(1);
		// Both are there when the process goes on: it has no time to end well.
		child.kill("SIGSTOP");
		child.kill("SIGTERM");
		child.kill("SIGINT");
		child.kill("SIGCONT");
		expect([130, 143]).toContain(await end());
		expect(snapshots()).toBe(1);
		expect(namesIn("leases")).toHaveLength(1);
		expect(bench.varve("doctor").code).toBe(1);
		bench.done(["snapshot", source]);
		expect(namesIn("tmp")).toEqual([]);
		expect(namesIn("leases")).toEqual([]);
		bench.done(["verify", "--read-data"]);
	});
});
