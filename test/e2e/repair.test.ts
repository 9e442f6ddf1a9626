import { createHash } from "node:crypto";
import { readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { afterAll, describe, expect, test } from "vitest";
import { Workbench } from "./workbench.ts";

const benches: Workbench[] = [];
afterAll(() => {
	for (const bench of benches) bench.remove();
});

/** Bytes that do not compress, the same for the same seed. */
function noise(bytes: number, seed: string): Buffer {
	const hash = createHash("shake256", { outputLength: bytes });
	return hash.update(seed).digest();
}

/** A repository with one snapshot of two files; the larger one has a pack mostly for itself. */
function oneSnapshot(): Workbench {
	const bench = new Workbench();
	benches.push(bench);
	bench.done("init");
	bench.write("source/large", noise(900_000, "large"));
	bench.write("source/sub/small", "small");
	bench.done(["snapshot", bench.path("source")]);
	return bench;
}

function packs(bench: Workbench): string[] {
	const folder = bench.path("repository", "packs");
	return readdirSync(folder, { recursive: true })
		.map((name) => join(folder, String(name)))
		.filter((path) => path.length > folder.length + 64)
		.sort((a, b) => readFileSync(b).length - readFileSync(a).length);
}

function flip(path: string, at: (size: number) => number): void {
	const bytes = readFileSync(path);
	const place = at(bytes.length);
	bytes[place] = (bytes[place] as number) ^ 1;
	writeFileSync(path, bytes);
}

const middle = (size: number) => size >> 1;
const first = (bench: Workbench) => packs(bench)[0] as string;

describe("varve repair", () => {
	test("says which file is lost, saves the rest, and ends with 4; a snapshot heals it, and verify is content", () => {
		const bench = oneSnapshot();
		flip(first(bench), middle);
		expect(bench.varve("verify --read-data").code).toBe(4);
		const dry = bench.varve("repair packs --read-data -n");
		expect(dry.code).toBe(4);
		expect(dry.stderr).toContain(bench.path("source/large"));
		expect(bench.path("repository", "quarantine")).toBeDefined();
		expect(readdirSync(bench.path("repository", "quarantine"))).toEqual([]);
		const done = bench.varve("repair packs");
		expect(done.code).toBe(4);
		expect(done.stdout).toContain("lost 1 chunk");
		expect(bench.varve(["snapshot", bench.path("source")]).code).toBe(0);
		expect(bench.varve("repair index").code).toBe(0);
		expect(bench.varve("verify --read-data").code).toBe(0);
		bench.done(["restore", "latest~1", "-t", bench.path("restored")]);
		expect(
			readFileSync(join(bench.path("restored"), bench.path("source/large"))),
		).toEqual(noise(900_000, "large"));
	});

	test("names a pack that is missing, what it costs and what comes next, and ends with 4 until a snapshot has healed it", () => {
		const bench = oneSnapshot();
		const pack = first(bench);
		rmSync(pack);
		const name = pack.slice(-64);
		for (const line of [
			"repair packs -n",
			"repair packs",
			"repair index -n",
			"repair index",
		]) {
			const outcome = bench.varve(line);
			expect(outcome.stdout).toContain(`pack ${name} is missing\n`);
			expect(outcome.stdout).toContain("next: varve snapshot");
			expect(outcome.stderr).toContain(bench.path("source/large"));
			expect(outcome.code).toBe(4);
		}
		expect(bench.summary("repair packs")).toMatchObject({
			packs_missing: 1,
			missing: [name],
		});
		expect(bench.varve(["snapshot", bench.path("source")]).code).toBe(0);
		const healed = bench.done("repair packs");
		expect(healed.stdout).toContain("no damaged pack found");
		expect(bench.varve("verify --read-data").code).toBe(0);
	});

	test("ends with 4 what was asked of the latest snapshot while a record is lost, and does it all the same", () => {
		const bench = oneSnapshot();
		const records = bench.path("repository", "snapshots");
		const recordPaths = () =>
			readdirSync(records, { recursive: true })
				.map(String)
				.filter((name) => name.length >= 64);
		const [first = ""] = recordPaths();
		const older = first.slice(-64);
		bench.write("source/sub/small", "smaller");
		bench.done(["snapshot", bench.path("source")]);
		const newest = recordPaths().find((path) => path !== first) as string;
		rmSync(join(records, newest));
		const selected = `latest:${bench.path("source/sub")}`;
		const outcome = bench.varve(["restore", selected, "-t", "out"]);
		expect(outcome.stderr).toContain("latest may mean an older one");
		expect(readFileSync(bench.path("out/small"), "utf8")).toBe("small");
		expect(outcome.code).toBe(4);
		const onto = ["restore", selected, "-t", "out", "--overwrite", "always"];
		expect(bench.varve(onto).code).toBe(4);
		expect(bench.varve(["cat", `${selected}/small`]).code).toBe(4);
		expect(bench.varve(["dump", selected, "-t", "tar"]).code).toBe(4);
		bench.done(["restore", older, "-t", "by-id"]);
		bench.done("repair snapshots");
		const now = bench.done(["cat", `${selected}/small`]);
		expect(now.stdout).toBe("smaller");
	});

	test("goes on without what is lost for good, and forgets the damaged snapshot if asked to", () => {
		const bench = oneSnapshot();
		flip(first(bench), middle);
		bench.varve("repair packs");
		rmSync(bench.path("source/large"));
		expect(bench.varve("repair snapshots --forget").code).toBe(0);
		const restored = bench.path("restored");
		bench.done(["restore", "latest", "-t", restored]);
		expect(readdirSync(join(restored, bench.path("source")))).toEqual(["sub"]);
		expect(bench.varve("gc --grace 0").code).toBe(0);
		expect(bench.varve("verify --read-data").code).toBe(0);
	});

	test("gives all back where only the directory of a pack is damaged and the segments are gone", () => {
		const bench = oneSnapshot();
		flip(first(bench), (size) => size - 10);
		const segments = bench.path("repository", "segments");
		for (const name of readdirSync(segments)) rmSync(join(segments, name));
		expect(bench.varve("repair index").code).toBe(0);
		expect(bench.varve("verify --read-data").code).toBe(0);
	});

	test("refuses what does not fit together (2), and a pack that is not there (1)", () => {
		const bench = oneSnapshot();
		for (const line of [
			"repair",
			"repair everything",
			"repair index --read-data",
			"repair index abc",
			"repair packs --forget",
			"repair snapshots --read-data",
			"repair packs --read-data abc",
		])
			expect(bench.varve(line).code, line).toBe(2);
		expect(bench.varve("repair packs ffffffffff").code).toBe(1);
	});

	test("recover brings back what no record holds, and ends with 0", () => {
		const bench = oneSnapshot();
		const folder = bench.path("repository", "snapshots");
		for (const name of readdirSync(folder)) rmSync(join(folder, name));
		expect(bench.varve("recover -n").stdout).toContain(
			"would become a snapshot",
		);
		expect(bench.varve("recover").code).toBe(0);
		const listed = bench.varve("ls -R latest");
		expect(listed.stdout).toContain("large");
		expect(listed.stdout).toContain("small");
	});
});
