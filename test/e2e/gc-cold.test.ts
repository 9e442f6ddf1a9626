import { readFileSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { Ajv2020 } from "ajv/dist/2020.js";
import { afterAll, describe, expect, test } from "vitest";
import { filesIn, type Message, Workbench } from "./workbench.ts";

const benches: Workbench[] = [];
afterAll(() => {
	for (const bench of benches) bench.remove();
});

/** Source code of a kind: much is alike, little is the same. */
function prose(bytes: number, seed: number): string {
	let text = "";
	for (let x = seed; text.length < bytes; ) {
		x = (x * 48_271) % 2_147_483_647;
		text += `const value${x % 5000} = read(${(x >> 7) % 100_000}, "${(x * 7).toString(36)}");\n`;
	}
	return text.slice(0, bytes);
}

/** A repository with two snapshots of files of 6 MB. */
function filled(): Workbench {
	const bench = new Workbench();
	benches.push(bench);
	bench.done("init");
	for (let i = 0; i < 60; i++)
		bench.write(`source/f${i}`, prose(100_000, i + 1));
	bench.done(["snapshot", bench.path("source")]);
	for (let i = 0; i < 60; i += 3)
		bench.write(`source/f${i}`, prose(110_000, i + 1));
	bench.done(["snapshot", bench.path("source")]);
	return bench;
}

const isSummary = new Ajv2020({ formats: { "date-time": true } }).compile({
	...JSON.parse(
		readFileSync(
			fileURLToPath(
				new URL("../../packages/cli/schemas/summary-gc.json", import.meta.url),
			),
			"utf8",
		),
	),
	additionalProperties: false,
});

function summaryOf(bench: Workbench, words: readonly string[]): Message {
	const message = bench.summary(words);
	isSummary(message);
	expect(isSummary.errors ?? []).toEqual([]);
	return message;
}

const packBytes = ({ repository }: Workbench) =>
	[...filesIn(join(repository, "packs")).values()].reduce((a, b) => a + b, 0);

const repack = ["gc", "--repack", "--repack-age", "0"];

describe("varve gc --repack", () => {
	test("says what it would do, does it, and does nothing the second time", () => {
		const bench = filled();
		const before = packBytes(bench);
		const planned = summaryOf(bench, [...repack, "--dry-run"]);
		expect(planned).toMatchObject({ state: "planned", bytes_cold: 0 });
		expect(planned["packs_regrouped"]).toBeGreaterThan(0);
		expect(packBytes(bench)).toBe(before);
		const done = summaryOf(bench, repack);
		expect(done).toMatchObject({
			state: "swept",
			packs_regrouped: planned["packs_regrouped"],
			bytes_regrouped: planned["bytes_regrouped"],
		});
		expect(done["bytes_freed"]).toBe(
			Number(done["bytes_regrouped"]) - Number(done["bytes_cold"]),
		);
		expect(packBytes(bench)).toBe(before - Number(done["bytes_freed"]));
		expect(packBytes(bench)).toBeLessThan(before * 0.95);
		bench.done("verify --read-data");
		bench.done(["restore", "latest", "-t", bench.path("out"), "--verify"]);
		expect(summaryOf(bench, repack)["state"]).toBe("nothing");
	});

	test("tells people what it put together", () => {
		const bench = filled();
		const dry = bench.done([...repack, "-n"]).stdout;
		expect(dry).toMatch(
			/^ {2}cold .* in \d packs? put together anew: how small/m,
		);
		const { stdout } = bench.done([...repack, "--compression", "max"]);
		expect(stdout).toMatch(/^ {2}cold .* put together anew in .* MiB$/m);
		bench.done("verify --read-data");
	});

	test("leaves what is younger than 30 days if nothing else is said", () => {
		const bench = filled();
		expect(summaryOf(bench, ["gc", "--repack"])["state"]).toBe("nothing");
	});

	test("wants --repack with what says something of it", () => {
		const bench = new Workbench();
		benches.push(bench);
		bench.done("init");
		for (const words of [
			["gc", "--repack-age", "1d"],
			["gc", "--compression", "max"],
		]) {
			const { code, stderr } = bench.run(words);
			expect(code).toBe(2);
			expect(stderr).toContain("--repack, which is missing");
		}
	});
});
