import { mkdirSync, readdirSync, rmSync } from "node:fs";
import { encodeLease } from "@varve/format";
import { afterEach, beforeEach, describe, expect, test } from "vitest";
import { sha256Hex } from "../core/fake-objects.ts";
import { foreign } from "../core/foreign-lease.ts";
import { Workbench } from "./workbench.ts";

let bench: Workbench;
beforeEach(() => {
	bench = new Workbench();
	bench.done("init");
});
afterEach(() => bench.remove());

function putForeignLease(): void {
	mkdirSync(bench.path("repository", "tmp", foreign.lease));
	const bytes = encodeLease(foreign, sha256Hex);
	bench.write(`repository/leases/${foreign.lease}.0`, bytes);
}

describe("varve unlock", () => {
	test("says who holds a lease and since when, and keeps it (T21)", () => {
		putForeignLease();
		const { lines } = bench.done("unlock");
		expect(lines[0]).toMatch(
			/^abababab {2}snapshot \/srv \(writer\) on elsewhere, process 7, since 2026-11-19 11:00:00 \+0100/,
		);
		expect(lines[1]).toContain("kept: its process cannot be seen from here");
		expect(lines.at(-1)).toBe("0 leases removed, 1 left");
		expect(readdirSync(bench.path("repository", "leases"))).toHaveLength(1);
	});

	test("removes by force what stays silent, and says whose it was (T21)", () => {
		putForeignLease();
		const { lines } = bench.done("unlock --force --wait 1s abab");
		expect(lines[0]).toContain("snapshot /srv (writer) on elsewhere");
		expect(lines).toContain("          removed by force");
		expect(readdirSync(bench.path("repository", "leases"))).toEqual([]);
		expect(readdirSync(bench.path("repository", "tmp"))).toEqual([]);
	});

	test("is refused with 11 while there are signs of life (T21)", async () => {
		putForeignLease();
		const child = bench.start([
			...["-r", bench.repository],
			...["unlock", "--force", "--wait", "1m"],
		]);
		const ended = new Promise((resolve) => child.on("close", resolve));
		await new Promise((resolve) => child.stdout?.once("data", resolve));
		const bytes = encodeLease({ ...foreign, beat: 1 }, sha256Hex);
		bench.write(`repository/leases/${foreign.lease}.1`, bytes);
		expect(await ended).toBe(11);
		expect(readdirSync(bench.path("repository", "tmp"))).toEqual([
			foreign.lease,
		]);
	});

	test("says what is wrong with a name or a time", () => {
		expect(bench.varve("unlock cdcd").code).toBe(1);
		expect(bench.varve("unlock cdcd").stderr).toContain(
			"there is no lease cdcd",
		);
		expect(bench.varve("unlock --wait 5").code).toBe(2);
	});
});

describe("varve doctor", () => {
	test("ends with 0 where all is well", () => {
		const { lines } = bench.done("doctor");
		expect(lines).toContain("nobody holds a lease");
		expect(lines.at(-1)).toBe("all is well");
	});

	test("ends with 1 where something needs attention, and mends it with --fix", () => {
		rmSync(bench.path("repository", "reserve"));
		mkdirSync(bench.path("repository", "tmp", "fenced-0-0"));
		const sick = bench.varve("doctor");
		expect(sick.code).toBe(1);
		expect(sick.lines).toContain("  --fix mends it");
		expect(sick.lines.at(-1)).toBe("2 things need attention");
		const mended = bench.done("doctor --fix");
		expect(mended.stdout).toContain("mended: the reserve is missing");
		expect(bench.done("doctor").lines.at(-1)).toBe("all is well");
	});
});
