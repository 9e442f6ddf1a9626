import { spawnSync } from "node:child_process";
import { createHash } from "node:crypto";
import {
	mkdirSync,
	readdirSync,
	readFileSync,
	rmSync,
	statfsSync,
	statSync,
	writeFileSync,
} from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { forget, listSnapshots, openRepository, planByHand } from "@varve/core";
import { Ajv2020 } from "ajv/dist/2020.js";
import { afterAll, describe, expect, test } from "vitest";
import { filesIn, isRoot, type Message, Workbench } from "./workbench.ts";

const benches: Workbench[] = [];
afterAll(() => {
	for (const bench of benches) bench.remove();
});

/** Bytes that do not compress, the same for the same seed. */
function noise(bytes: number, seed: string): Buffer {
	const hash = createHash("shake256", { outputLength: bytes });
	return hash.update(seed).digest();
}

/** Forgets one snapshot, at another time if one is given. */
async function forgetOne(
	bench: Workbench,
	id: string,
	{ location = bench.repository, now = Date.now() } = {},
): Promise<void> {
	await using repository = await openRepository({
		location,
		cacheFolder: bench.path("cache-of-forget"),
		clock: { now: () => now, offsetMinutes: () => 0 },
	});
	const all = await listSnapshots(repository, { forgotten: true });
	const plan = planByHand(all.filter((snapshot) => snapshot.id === id));
	await forget(repository, plan);
}

/** A repository with two snapshots of one file with other content each; the first of them is forgotten. */
async function twoSnapshots(): Promise<Workbench & { readonly first: string }> {
	const bench = new Workbench();
	benches.push(bench);
	bench.done("init");
	bench.write("source/file", noise(300_000, "first"));
	bench.write("source/same", noise(150_000, "same"));
	const taken = bench.summary(["snapshot", bench.path("source")]);
	const first = String(taken["snapshot_id"]);
	bench.write("source/file", noise(300_000, "second"));
	bench.done(["snapshot", bench.path("source")]);
	await forgetOne(bench, first);
	return Object.assign(bench, { first });
}

const packBytes = (repository: string) =>
	[...filesIn(join(repository, "packs")).values()].reduce((a, b) => a + b, 0);

const schema = JSON.parse(
	readFileSync(
		fileURLToPath(
			new URL("../../packages/cli/schemas/summary-gc.json", import.meta.url),
		),
		"utf8",
	),
);
const isSummary = new Ajv2020({ formats: { "date-time": true } }).compile({
	...schema,
	additionalProperties: false,
});

function expectSummary(message: Message): Message {
	isSummary(message);
	expect(isSummary.errors ?? [], JSON.stringify(message)).toEqual([]);
	return message;
}

function expectSound(bench: Workbench, snapshots: number): void {
	bench.done("verify --read-data");
	expect(bench.summary("snapshots")["snapshots_count"]).toBe(snapshots);
	for (const kind of ["gc", "leases", "tmp"])
		expect(readdirSync(bench.path("repository", kind))).toEqual([]);
}

describe("varve gc", () => {
	test("frees nothing within the grace, and what only forgotten snapshots need with --grace 0", async () => {
		const bench = await twoSnapshots();
		const before = packBytes(bench.repository);
		expect(bench.done("gc").stdout).toMatch(/^nothing to free$/m);
		expect(packBytes(bench.repository)).toBe(before);
		const outcome = bench.done("gc --grace 0 --max-unused 0");
		expect(outcome.stdout).toMatch(/^freed$/m);
		expect(outcome.stdout).toMatch(/^ +records 1 snapshot$/m);
		expect(before - packBytes(bench.repository)).toBeGreaterThan(290_000);
		expect(bench.varve(["show", bench.first]).code).toBe(1);
		expect(readdirSync(bench.path("repository", "forgotten"))).toEqual([]);
		expectSound(bench, 1);
		expect(bench.done("gc --grace 0 --max-unused 0").stdout).toMatch(
			/^nothing to free$/m,
		);
	});

	test("tells with --dry-run what the run after it frees, and changes nothing", async () => {
		const bench = await twoSnapshots();
		const before = filesIn(bench.repository);
		expect(bench.done("gc -n --grace 0").stdout).toMatch(/^would free$/m);
		const planned = expectSummary(bench.summary("gc --dry-run --grace 0"));
		expect(planned).toMatchObject({
			state: "planned",
			snapshots_removed: [bench.first],
		});
		expect(filesIn(bench.repository)).toEqual(before);
		const done = expectSummary(bench.summary("gc --grace 0"));
		expect(done).toMatchObject({
			state: "swept",
			snapshots_removed: planned["snapshots_removed"],
			packs_removed: planned["packs_removed"],
			bytes_removed: planned["bytes_removed"],
			waiting_for: [],
		});
		expectSound(bench, 1);
	});

	test("is called prune too, and ends each way of --json as its schema says", async () => {
		const bench = await twoSnapshots();
		const nothing = expectSummary(bench.summary("prune"));
		expect(nothing).toMatchObject({ state: "nothing", bytes_freed: 0 });
		const messages = bench.messages("prune --grace 0");
		expect(messages[0]).toMatchObject({
			message_type: "header",
			command: "gc",
		});
		expectSummary(messages.at(-1) as Message);
		expect(messages.at(-1)).toMatchObject({ state: "swept" });
	});

	test.each([
		["0", 1],
		["0%", 1],
		["10K", 1],
		["100%", 0],
		["200M", 0],
		["unlimited", 0],
	])("--max-unused %s", async (limit, repacked) => {
		const bench = new Workbench();
		benches.push(bench);
		bench.done("init");
		bench.write("source/a", noise(100_000, "a"));
		bench.write("source/b", noise(100_000, "b"));
		const taken = bench.summary(["snapshot", bench.path("source")]);
		rmSync(bench.path("source", "b"));
		bench.done(["snapshot", bench.path("source")]);
		await forgetOne(bench, String(taken["snapshot_id"]));
		const summary = bench.summary([
			"gc",
			"--grace",
			"0",
			"--max-unused",
			limit,
		]);
		expect(Math.min(1, Number(summary["packs_repacked"]))).toBe(repacked);
		const unused = Number(summary["bytes_unused"]);
		if (repacked === 1) expect(unused).toBeLessThan(5_000);
		else expect(unused).toBeGreaterThan(90_000);
		expectSound(bench, 1);
	});

	test.each([
		["--max-unused", "half"],
		["--max-unused", "101%"],
		["--max-unused", "-5%"],
		["--max-repack", "much"],
		["--grace", "soon"],
		["--wait", "-1s"],
		["--nope", "1"],
	])("%s %s ends with 2", (option, value) => {
		const bench = benches[0] as Workbench;
		const outcome = bench.varve(["gc", option, value]);
		expect(outcome.stderr).toMatch(
			new RegExp(`^(varve|error): .*${option}`, "m"),
		);
		expect(outcome.stderr).not.toMatch(/^\s+at /m);
		expect(outcome.code).toBe(2);
	});

	test("takes a mark from the future for a young one (T28)", async () => {
		const bench = await twoSnapshots();
		rmSync(bench.path("repository", "forgotten", bench.first));
		const now = Date.now() + 365 * 24 * 3600_000;
		await forgetOne(bench, bench.first, { now });
		expect(bench.summary("gc --grace 0")).toMatchObject({ state: "nothing" });
		expect(bench.summary("gc")).toMatchObject({ state: "nothing" });
	});
});

/** A snapshot that waits for its standard input, once it works in the repository. */
async function working(bench: Workbench) {
	const child = bench.start(["-r", bench.repository, "snapshot", "--stdin"]);
	child.stdin?.write(Buffer.alloc(1_000_000, 1));
	child.stdout?.resume();
	child.stderr?.resume();
	const leases = bench.path("repository", "leases");
	while (readdirSync(leases).length === 0)
		await new Promise((resolve) => setTimeout(resolve, 10));
	const ended = new Promise((resolve) => child.once("close", resolve));
	return async () => {
		child.stdin?.end();
		expect(await ended).toBe(0);
	};
}

describe("varve gc while others work", () => {
	test("condemns, says for whom it waits, and the next one deletes", async () => {
		const bench = await twoSnapshots();
		const before = packBytes(bench.repository);
		const end = await working(bench);
		const outcome = bench.done("gc --grace 0");
		expect(outcome.stdout).toMatch(/^condemned \d+ packs? and 1 snapshot; /m);
		expect(outcome.stdout).toMatch(
			/^ +snapshot.* on \S+, process \d+, since /m,
		);
		const again = expectSummary(bench.summary("gc --grace 0"));
		expect(again).toMatchObject({ state: "pending", resumed: true });
		expect(again["waiting_for"]).toHaveLength(1);
		expect(packBytes(bench.repository)).toBeGreaterThanOrEqual(before);
		const exclusive = bench.varve("gc --exclusive");
		expect(exclusive.code).toBe(11);
		expect(exclusive.stderr).toMatch(
			/^varve: gc cannot begin now: snapshot.* on /m,
		);
		await end();
		const swept = expectSummary(bench.summary("gc --grace 0"));
		expect(swept).toMatchObject({ state: "swept", resumed: true });
		expect(swept["snapshots_removed"]).toEqual([bench.first]);
		expectSound(bench, 2);
		expect(bench.summary("gc --exclusive")).toMatchObject({ state: "nothing" });
	});

	test("waits with --wait, a second gc ends with 11 meanwhile, and both work in the end", async () => {
		const bench = await twoSnapshots();
		const end = await working(bench);
		const args = ["-r", bench.repository, "--json", "gc"];
		const waiting = bench.start([...args, "--grace", "0", "--wait", "60s"]);
		let stdout = "";
		waiting.stdout?.on("data", (text) => {
			stdout += text;
		});
		const ended = new Promise((resolve) => waiting.once("close", resolve));
		while (readdirSync(bench.path("repository", "gc")).length === 0)
			await new Promise((resolve) => setTimeout(resolve, 10));
		const second = bench.varve("gc");
		expect(second.stderr).toMatch(/^varve: gc cannot begin now: gc on /m);
		expect(second.code).toBe(11);
		await end();
		expect(await ended).toBe(0);
		const last = JSON.parse(stdout.trim().split("\n").at(-1) ?? "");
		expect(expectSummary(last)).toMatchObject({ state: "swept" });
		expectSound(bench, 2);
	});
});

describe("varve gc on a repository that is damaged", () => {
	const largestPack = (bench: Workbench) =>
		[...filesIn(join(bench.repository, "packs"))].sort(
			(a, b) => b[1] - a[1],
		)[0]?.[0] as string;

	test("ends with 4 and deletes nothing where something that a snapshot needs is gone", async () => {
		const bench = await twoSnapshots();
		const packs = [...filesIn(join(bench.repository, "packs")).keys()];
		// All that the kept snapshot shares with the one that is to go.
		rmSync(largestPack(bench));
		const left = filesIn(bench.repository);
		const outcome = bench.varve("gc --grace 0");
		expect(outcome.stderr).toMatch(/^varve: .*in no pack/m);
		expect(outcome.code).toBe(4);
		expect(filesIn(bench.repository)).toEqual(left);
		expect(left.size).toBeGreaterThan(packs.length);
	});

	test("ends with 4 and deletes nothing where a record cannot be read", async () => {
		const bench = await twoSnapshots();
		const folder = bench.path("repository", "snapshots");
		const kept = readdirSync(folder).find((name) => name !== bench.first);
		writeFileSync(join(folder, kept ?? ""), "{}");
		const copies = bench.path("repository", "copies", "snapshots");
		writeFileSync(join(copies, kept ?? ""), "{}");
		bench.done("cache --clear");
		const left = filesIn(bench.repository);
		const outcome = bench.varve("gc --grace 0");
		expect(outcome.stderr).toMatch(/^varve: .*cannot be read: nothing is/m);
		expect(outcome.code).toBe(4);
		expect(filesIn(bench.repository)).toEqual(left);
	});
});

/** Each gives a file system of 40 MiB, mounted, or false where that cannot be had. */
const disks = {
	tmpfs: (at: string) =>
		ran("mount", "-t", "tmpfs", "-o", "size=40m", "tmpfs", at),
	ext4: (at: string) =>
		ran("truncate", "-s", "40M", `${at}.img`) &&
		ran("mkfs.ext4", "-q", "-m", "0", `${at}.img`) &&
		ran("mount", "-o", "loop", `${at}.img`, at),
};

const ran = (program: string, ...args: string[]) =>
	spawnSync(program, args).status === 0;

describe.each(["tmpfs", "ext4"] as const)(
	"varve gc on a full disk, %s",
	(type) => {
		const bench = new Workbench();
		benches.push(bench);
		const mount = bench.path("small");
		mkdirSync(mount);
		const isMounted = isRoot && disks[type](mount);
		const why = isMounted ? "" : ` (skipped: root could not mount ${type})`;
		afterAll(() => {
			if (isMounted) spawnSync("umount", [mount]);
		});
		const free = () => statfsSync(mount).bavail * statfsSync(mount).bsize;

		/** Takes all there is: large files first, then the single blocks that are left. */
		function fill(): void {
			for (let i = 0; ; i++)
				if (
					!ran(
						"dd",
						"if=/dev/zero",
						`of=${join(mount, `f${i}`)}`,
						"bs=4096",
						"count=4000",
						"conv=fsync",
					)
				)
					break;
			for (let i = 0; i < 1000 && free() > 0; i++)
				spawnSync("sh", [
					"-c",
					`echo x > "${mount}/s${i}"; sync "${mount}/s${i}"`,
				]);
			expect(free()).toBe(0);
		}

		test.skipIf(!isMounted)(
			`frees space by dead packs alone, and gives the reserve up first${why} (T13)`,
			async () => {
				const repository = join(mount, "repository");
				const env = { XDG_CACHE_HOME: join(mount, "cache") };
				const run = (...args: string[]) => {
					const outcome = bench.run(["-r", repository, ...args], { env });
					expect(outcome.stderr).not.toMatch(/^varve: /m);
					expect(outcome.code).toBe(0);
					return outcome;
				};
				const reserve = () => statSync(join(repository, "reserve")).size;
				expect(bench.run(["init", repository], { env }).code).toBe(0);
				bench.write("large/a", noise(5_000_000, "a"));
				run("snapshot", bench.path("large"));
				const [first = ""] = readdirSync(join(repository, "snapshots"));
				bench.write("large/a", noise(5_000_000, "b"));
				run("snapshot", bench.path("large"));
				fill();
				const full = bench.run(["-r", repository, "snapshot", bench.home], {
					env,
				});
				expect(full.code).toBe(13);
				expect(reserve()).toBe(131_072);
				await forgetOne(bench, first, { location: repository });
				const outcome = run("gc", "--grace", "0");
				expect(outcome.stdout).toMatch(/^freed$/m);
				expect(free()).toBeGreaterThan(4_000_000);
				expect(reserve()).toBe(131_072);
				run("verify", "--read-data");
				expect(run("snapshots").lines.join("\n")).not.toContain(
					first.slice(0, 8),
				);
				run("snapshot", bench.home);
			},
		);

		test.skipIf(!isMounted)(
			`gives the reserve up itself where forget did not have to${why} (T13)`,
			async () => {
				const repository = join(mount, "repository");
				const run = (...args: string[]) =>
					bench.run(["-r", repository, ...args]);
				const [first = ""] = readdirSync(join(repository, "snapshots"));
				bench.write("large/a", noise(200_000, "c"));
				expect(run("snapshot", bench.path("large")).code).toBe(0);
				await forgetOne(bench, first, { location: repository });
				fill();
				const outcome = run("gc", "--grace", "0");
				expect(outcome.stderr).toMatch(/^warning: .*the reserve is given up/m);
				expect(outcome.code).toBe(0);
				expect(free()).toBeGreaterThan(0);
				expect(run("verify", "--read-data").code).toBe(0);
			},
		);
	},
);
