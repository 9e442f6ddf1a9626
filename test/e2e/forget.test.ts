import { readdirSync, utimesSync } from "node:fs";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { Workbench } from "./workbench.ts";

const bench = new Workbench();
const source = bench.path("source");
afterAll(() => bench.remove());

const take = (...args: string[]) =>
	bench.summary(["snapshot", ...args, source])["snapshot_id"] as string;
const listed = () =>
	bench
		.messages("snapshots")
		.filter((message) => message.message_type === "snapshot")
		.map((message) => message["id"] as string);
const marks = () => readdirSync(join(bench.repository, "forgotten"));
const groups = (line: string | readonly string[]) =>
	bench
		.messages(line)
		.filter((message) => message.message_type === "group") as unknown as {
		readonly host?: string;
		readonly paths?: readonly string[];
		readonly keep: readonly { readonly id: string }[];
		readonly remove: readonly { readonly id: string }[];
		readonly reasons: readonly { readonly matches: readonly string[] }[];
	}[];

const ids: string[] = [];

beforeAll(() => {
	bench.write("source/a.txt", "a");
	bench.done("init");
	for (const day of [1, 2, 3, 4, 5, 6]) {
		bench.write("source/a.bin", Buffer.alloc(50_000, `${day}`));
		ids.push(take("--time", `2026-03-0${day} 12:00`));
	}
});

describe("forget", () => {
	test("T30 a dry run changes nothing, and tells what the real run does", () => {
		const line = ["forget", "--keep-daily", "2", "--keep-monthly", "2"];
		const [planned] = groups([...line, "--dry-run"]);
		expect(planned).toMatchObject({
			host: expect.any(String),
			paths: [source],
		});
		expect(planned?.reasons.map(({ matches }) => matches)).toEqual([
			["daily snapshot", "monthly snapshot"],
			["daily snapshot"],
			["oldest monthly snapshot"],
		]);
		expect(marks()).toEqual([]);
		const told = planned?.remove.map(({ id }) => id) ?? [];
		expect(told).toEqual([ids[3], ids[2], ids[1]]);
		const summary = bench.summary(line);
		expect(summary).toMatchObject({
			dry_run: false,
			snapshots_kept: 3,
			snapshots_forgotten: 3,
		});
		expect(marks().sort()).toEqual([...told].sort());
		expect(listed()).toEqual([ids[0], ids[4], ids[5]]);
	});

	test("T31 a snapshot stored more than a day after its own time is marked, in lists and in the reasons, and is judged by its own time", () => {
		const stored = (id = "", day = "2026-03-07") => {
			const path = join(bench.repository, "snapshots", id);
			const time = new Date(`${day}T10:30:00Z`);
			utimesSync(path, time, time);
		};
		for (const id of listed()) stored(id, "2026-03-01");
		const [, , , , fifth, sixth] = ids;
		const late = "2026-03-07T10:30:00.000Z";
		stored(fifth);
		stored(sixth);
		const messages = bench.messages("snapshots");
		const told = messages.filter((one) => one["stored_late"] !== undefined);
		expect(told).toMatchObject([{ id: fifth, stored_late: late }]);
		const text = bench.done("snapshots").stdout;
		expect(text.match(/\[stored 2026-03-07 \d\d:30:00 /g)).toHaveLength(1);
		const line = ["forget", "--keep-last", "2", "--explain", "--dry-run"];
		const [planned] = groups(line);
		expect(planned?.keep).toMatchObject([
			{ id: sixth },
			{ id: fifth, stored_late: late },
		]);
		expect(bench.done(line).stdout).toMatch(
			/last snapshot; stored 2026-03-07 \d\d:30:00/,
		);
	});

	test("a forgotten snapshot is restored by its whole id, and nothing else finds it", () => {
		const [, id = ""] = ids;
		bench.done(["restore", id, "-t", bench.path("restored")]);
		for (const spec of [id.slice(0, 12), "latest~3"])
			expect(bench.varve(["show", spec]).code).toBe(1);
		const shown = bench.done("snapshots --forgotten").stdout;
		expect(shown.match(/\[forgotten\]/g)).toHaveLength(3);
	});

	test("unforget brings back what is named, or all", () => {
		const [, second = ""] = ids;
		expect(bench.summary(["unforget", second.slice(0, 10)])).toMatchObject({
			snapshots_changed: 1,
		});
		expect(listed()).toContain(second);
		expect(bench.summary("unforget --all")).toMatchObject({
			snapshots_count: 2,
			snapshots_changed: 2,
		});
		expect(listed()).toEqual(ids);
		expect(bench.varve("unforget").code).toBe(2);
	});

	test("T30 what would keep nothing, or leave nothing of a group, ends with 2 and forgets nothing", () => {
		for (const line of [
			"forget",
			"forget --keep-last 0",
			"forget --keep-tag typo",
			"forget --keep-tag typo --dry-run",
			"forget --keep-wrong 3",
		])
			expect(bench.varve(line).code, line).toBe(2);
		expect(marks()).toEqual([]);
		const all = "forget --keep-tag typo --unsafe-allow-remove-all -n";
		expect(bench.summary(all)).toMatchObject({ snapshots_forgotten: 6 });
	});

	test("pinned snapshots stay, by hand too", () => {
		const [first = ""] = ids;
		bench.done(["pin", first]);
		const [group] = groups("forget --keep-last 1 -n --explain");
		expect(group?.keep.map(({ id }) => id)).toEqual([ids[5], first]);
		const { code, stderr } = bench.varve(["forget", first]);
		expect([code, stderr]).toEqual([2, expect.stringContaining("unpin it")]);
		bench.done(["unpin", first]);
		bench.done(["forget", first]);
		expect(listed()).not.toContain(first);
		bench.done(["unforget", first]);
	});

	test("--at simulates another time", () => {
		const at = ["forget", "--keep-last", "1", "--at", "2026-03-03 18:00"];
		const [group] = groups(at);
		expect(group?.keep.map(({ id }) => id).slice(-1)).toEqual([ids[2]]);
		expect(group?.remove.map(({ id }) => id)).toEqual([ids[1], ids[0]]);
		expect(marks()).toEqual([]);
	});

	test("what a gc could free is told", () => {
		const { data_freed } = bench.summary("forget --keep-last 1 -n");
		expect(data_freed).toBeGreaterThan(0);
		const text = bench.done("forget --keep-last 1 -n").stdout;
		expect(text).toContain("a gc could free ");
	});

	test("keeps 2 of the templates, and 3 of everything else", () => {
		const template = ["--tag", "templates", "--time"];
		const own = [7, 8, 9].map((day) => take(...template, `2026-03-0${day}`));
		const line = ["forget", "-n", "--keep-last", "3"];
		const two = groups([...line, "--for", "tag=templates keep-last=2"]);
		expect(two.map(({ keep }) => keep.length)).toEqual([3, 2]);
		for (const id of own) bench.done(["forget", id]);
	});
});

describe("policies of the repository", () => {
	test("one is set, shown, applied after a snapshot, and removed", () => {
		expect(bench.varve(["snapshot", "--forget", source]).code).toBe(1);
		bench.done("policy set default --keep-last 3 --keep-tag keep");
		expect(bench.done("policy").stdout).toContain(
			"default: keep-last 3, keep-tag keep",
		);
		const taken = bench.summary(["snapshot", "--forget", source]);
		expect(taken).toMatchObject({ snapshots_kept: 3, snapshots_forgotten: 4 });
		expect(listed()).toEqual([ids[4], ids[5], taken["snapshot_id"]]);
		expect(bench.summary("forget --policy default")).toMatchObject({
			snapshots_forgotten: 0,
		});
		bench.done("policy remove default");
		expect(bench.varve("forget --policy default").code).toBe(1);
	});

	test("other hosts are left alone by snapshot --forget", () => {
		bench.done("policy set night --keep-last 1");
		take("--host", "other", "--time", "2026-01-01");
		take("--host", "other", "--time", "2026-01-02");
		const before = listed().length;
		const flags = ["snapshot", "--forget-policy", "night", source];
		expect(bench.summary(flags)).toMatchObject({ snapshots_forgotten: 3 });
		expect(listed()).toHaveLength(before - 2);
	});

	test("nothing is forgotten after a snapshot that is not whole", () => {
		bench.done(["snapshot", source]);
		const line = ["snapshot", "--forget-policy", "night", source];
		const { code, stderr } = bench.varve([...line, bench.path("gone")]);
		expect(code).toBe(3);
		expect(stderr).toContain("nothing is forgotten");
	});

	test("a policy that cannot be read fails before a snapshot is made", () => {
		const folder = join(bench.repository, "policies");
		const name =
			readdirSync(folder).find((file) => file.startsWith("night.")) ?? "";
		bench.write(join("repository", "policies", name), "{}");
		const before = listed().length;
		const flags = ["snapshot", "--forget-policy", "night", source];
		expect(bench.varve(flags).code).toBe(4);
		expect(listed()).toHaveLength(before);
		const found = bench.varve("verify");
		expect([found.code, found.stderr]).toEqual([
			4,
			expect.stringContaining(`policies/${name}`),
		]);
		const read = bench.varve("policy");
		expect([read.code, read.stderr]).toEqual([
			4,
			expect.stringContaining("varve policy set night"),
		]);
		const repaired = bench.varve("repair snapshots");
		expect(repaired.code).toBe(4);
		expect(repaired.stdout).toContain("what is left of it: {}");
		bench.done("policy set night --keep-last 1");
		expect(bench.varve("policy").code).toBe(0);
		expect(bench.varve("verify").code).toBe(0);
	});
});
