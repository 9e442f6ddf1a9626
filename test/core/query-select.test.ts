import { InputError, NotFoundError, type SnapshotId } from "@varve/format";
import { describe, expect, test } from "vitest";
import { pin } from "../../packages/core/src/labels/change-labels.ts";
import { listSnapshots } from "../../packages/core/src/query/list-snapshots.ts";
import {
	choose,
	selectPath,
	selectSnapshot,
} from "../../packages/core/src/query/select-snapshot.ts";
import { parseSelector } from "../../packages/core/src/query/selector.ts";
import type { Snapshot } from "../../packages/core/src/repository.ts";
import { fakeRepository } from "./fake-repository.ts";

const id = "1a2b3c4d".repeat(8);

describe("selector", () => {
	test.each<[string, object, (string | undefined)?, string?]>([
		["latest", { kind: "latest", back: 0 }],
		["latest~", { kind: "latest", back: 1 }, undefined, "latest~"],
		["latest~2", { kind: "latest", back: 2 }],
		["latest:", { kind: "latest", back: 0 }, undefined, "latest"],
		["latest:/", { kind: "latest", back: 0 }, "/"],
		["latest~1:a b:c", { kind: "latest", back: 1 }, "a b:c"],
		["1a2b", { kind: "id", prefix: "1a2b" }],
		["1A2B3C4D", { kind: "id", prefix: "1a2b3c4d" }],
		[id, { kind: "id", prefix: id }],
		["1a2b:/etc/hosts", { kind: "id", prefix: "1a2b" }, "/etc/hosts"],
		["1a2b:etc", { kind: "id", prefix: "1a2b" }, "etc"],
		["20261119", { kind: "id", prefix: "20261119" }],
		["tag:x", { kind: "tag", tag: "x" }],
		["tag:env:prod", { kind: "tag", tag: "env:prod" }],
		["tag:env:prod:/etc", { kind: "tag", tag: "env:prod" }, "/etc"],
		["tag:latest", { kind: "tag", tag: "latest" }],
		["commit:1A2B3C", { kind: "commit", prefix: "1a2b3c" }],
		["commit:1a2b:/x", { kind: "commit", prefix: "1a2b" }, "/x"],
		["version:a=1:2.3", { kind: "version", name: "a", version: "1:2.3" }],
		["version:a=b=c:/x", { kind: "version", name: "a", version: "b=c" }, "/x"],
	])("%s", (text, selector, path, spec) => {
		const parsed = parseSelector(text);
		expect(parsed.selector).toEqual(selector);
		expect(parsed.path).toBe(path);
		expect(parsed.spec).toBe(
			spec ?? (path === undefined ? text : text.slice(0, -path.length - 1)),
		);
	});

	test.each([
		["2026-11-19", "2026-11-19", undefined],
		["2026-11-19:/a", "2026-11-19", "/a"],
		["2026-11-19T14:00:/a", "2026-11-19T14:00", "/a"],
		["2026-11-19T14:00:05", "2026-11-19T14:00:05", undefined],
		["2026-11-19T14:00:a", "2026-11-19T14:00", "a"],
		["20261119_140000:a", "20261119_140000", "a"],
		["3d:/a", "3d", "/a"],
		["yesterday", "yesterday", undefined],
	])("%s is a time", (text, spec, path) => {
		expect(parseSelector(text)).toMatchObject({
			selector: { kind: "time" },
			spec,
			path,
		});
	});

	test("a time that could begin an id says so", () => {
		expect(parseSelector("100d").selector).toMatchObject({ prefix: "100d" });
		expect(parseSelector("10d").selector).not.toHaveProperty("prefix");
	});

	test.each([
		"",
		"abc",
		"last",
		"latest~x",
		"latestx",
		"tag:",
		"tag::/a",
		"commit:xyz",
		"commit:abc",
		"version:a",
		"version:=1",
		"version:a=",
		"2026-13-01",
		"2026-11-19T14",
		"xyz:/a",
		`${id}0`,
		":/a",
	])("%j names nothing", (text) => {
		expect(() => parseSelector(text)).toThrow(InputError);
		expect(() => parseSelector(text)).toThrow("names no snapshot");
	});
});

const clock = {
	now: () => Date.parse("2026-11-19T12:00Z"),
	offsetMinutes: () => 0,
};

function fake(
	id: string,
	time: string,
	more: Partial<Snapshot["record"]> = {},
) {
	const record = { time, host: "here", tags: [], provenance: {}, ...more };
	const { tags } = record;
	return { id, record, tags, forgotten: false } as unknown as Snapshot;
}

const snapshots = [
	fake("aaaa2222", "2026-11-18T15:00:30.500Z", {
		tags: ["x", "y"],
		provenance: {
			versions: { kit: "1.7.2" },
			components: { core: { version: "2:3", commit: "cafe0002" } },
		},
	}),
	fake("aaaa1111", "2026-11-17T10:00:00.000+02:00", {
		tags: ["x"],
		provenance: { commit: "cafe0001", versions: { kit: "1.7.1" } },
	}),
	fake("100dbeef", "2026-11-19T09:00:00.000Z", {
		provenance: { commit: 7, versions: ["odd"], components: "odd" },
	}),
];

function chosen(spec: string, among = snapshots): string | undefined {
	return choose(among, parseSelector(spec), clock)?.id;
}

describe("choose", () => {
	test.each([
		["latest", "100dbeef"],
		["latest~1", "aaaa2222"],
		["latest~2", "aaaa1111"],
		["latest~3", undefined],
		["100db", "100dbeef"],
		["aaaa1", "aaaa1111"],
		["bbbb", undefined],
		["tag:x", "aaaa2222"],
		["tag:z", undefined],
		["2026-11-18", "aaaa2222"],
		["yesterday", "aaaa2222"],
		["2026-11-18T15:00", "aaaa2222"],
		["2026-11-18T15:00:30", "aaaa2222"],
		["2026-11-18T15:00:29", "aaaa1111"],
		["2026-11-17T08:00Z", "aaaa1111"],
		["2026-11-17T07:59Z", undefined],
		["2h", "100dbeef"],
		["4h", "aaaa2222"],
		["1d", "aaaa1111"],
		["commit:cafe", "aaaa2222"],
		["commit:cafe0001", "aaaa1111"],
		["commit:beef", undefined],
		["version:kit=1.7.1", "aaaa1111"],
		["version:core=2:3", "aaaa2222"],
		["version:core=9", undefined],
	])("%s is %s", (spec, expected) => {
		expect(chosen(spec)).toBe(expected);
	});

	test("several candidates are named", () => {
		expect(() => chosen("aaaa")).toThrow(InputError);
		expect(() => chosen("aaaa")).toThrow(
			expect.objectContaining({
				code: "AMBIGUOUS",
				message: expect.stringContaining("aaaa1111"),
				details: { selector: "aaaa", candidates: "aaaa2222 aaaa1111" },
			}),
		);
		const many = Array.from({ length: 11 }, (_, i) =>
			fake(`abcd${i}`, "2026-11-19T09:00:00Z"),
		);
		expect(() => chosen("abcd", many)).toThrow("and 3 more");
	});

	test("what is both an id and a time must be said more clearly, unless both mean the same", () => {
		const old = fake("ffff0000", "2020-01-01T00:00:00Z");
		expect(chosen("100d")).toBe("100dbeef");
		expect(chosen("100d", [old])).toBe("ffff0000");
		expect(() => chosen("100d", [...snapshots, old])).toThrow("100d could be");
	});
});

describe("list", () => {
	async function some() {
		const repository = fakeRepository();
		const one = await repository.add({
			time: "2026-11-19T10:00:00.000Z",
			trees: { "/a": {}, "/b": {} },
			tags: ["x", "y"],
		});
		const two = await repository.add({
			time: "2026-11-19T10:30:00.000+02:00",
			host: "there",
			trees: { "/a": {} },
		});
		const three = await repository.add({
			time: "2026-11-19T11:00:00.000Z",
			tags: ["x"],
		});
		await repository.forget(three.id);
		return { repository, one, two, three };
	}

	const ids = (list: readonly Snapshot[]) => list.map(({ id }) => id);

	test("snapshots come newest last, forgotten ones only when asked for", async () => {
		const { repository, one, two, three } = await some();
		expect(ids(await listSnapshots(repository))).toEqual([two.id, one.id]);
		const all = await listSnapshots(repository, { forgotten: true });
		expect(ids(all)).toEqual([two.id, one.id, three.id]);
		expect(all.map(({ forgotten }) => forgotten)).toEqual([false, false, true]);
	});

	test("host, paths and tags narrow", async () => {
		const { repository, one, two } = await some();
		const list = async (filter: object) =>
			ids(await listSnapshots(repository, filter));
		expect(await list({ hosts: ["there", "x"] })).toEqual([two.id]);
		expect(await list({ paths: ["/a"] })).toEqual([two.id, one.id]);
		expect(await list({ paths: ["/a/", "/b"] })).toEqual([one.id]);
		expect(await list({ tags: ["x,y"] })).toEqual([one.id]);
		expect(await list({ tags: ["x,z"] })).toEqual([]);
		expect(await list({ tags: ["z", "y"] })).toEqual([one.id]);
		expect(await list({ tags: [""] })).toEqual([two.id]);
		expect(await list({ hosts: ["here"], paths: ["/b"] })).toEqual([one.id]);
	});

	test("a label that cannot be read counts as a pin and is warned of", async () => {
		const { repository, one } = await some();
		await pin(repository, [one.id]);
		const name = `${one.id}.${"0".repeat(32)}`;
		const bytes = new Uint8Array([1]);
		await repository.write((s) => s.putBytes("labels", name, bytes));
		const listed = await listSnapshots(repository, { hosts: ["here"] });
		expect(listed[0]?.pin).toBe(true);
		expect(repository.events).toEqual([
			expect.objectContaining({ type: "warning" }),
		]);
	});
});

describe("select", () => {
	test("finds the snapshot, and the path in it", async () => {
		const repository = fakeRepository();
		const one = await repository.add({});
		const spec = `${one.id.slice(0, 8)}:/etc:x`;
		const selected = await selectPath(repository, spec);
		expect(selected.snapshot.id).toBe(one.id);
		expect(selected.path).toBe("/etc:x");
		expect((await selectSnapshot(repository, "latest")).id).toBe(one.id);
		await expect(selectSnapshot(repository, spec)).rejects.toThrow(InputError);
	});

	test("says what is not there", async () => {
		const repository = fakeRepository();
		const fail = async (spec: string, filter = {}) => {
			const select = selectSnapshot(repository, spec, filter);
			const error = await select.then(String, (e: unknown) => e);
			expect(error).toBeInstanceOf(NotFoundError);
			expect(error).toMatchObject({ code: "NO_SUCH_SNAPSHOT" });
			return (error as Error).message;
		};
		expect(await fail("latest")).toBe(
			"there is no snapshot in the repository yet",
		);
		const { id } = await repository.add({});
		expect(await fail("tag:x")).toBe("there is no snapshot tag:x");
		expect(await fail("tag:x", { hosts: ["here"] })).toBe(
			"there is no snapshot tag:x with that host, path or tag",
		);
		expect(await fail("latest", { hosts: ["x"] })).toBe(
			"there is no snapshot with that host, path or tag yet",
		);
		await repository.forget(id as SnapshotId);
		const short = id.slice(0, 12);
		expect(await fail(short)).toContain(
			"is forgotten; unforget brings it back",
		);
		const shown = await selectSnapshot(repository, short, { forgotten: true });
		expect(shown.forgotten).toBe(true);
	});

	test("a forgotten snapshot is found by its whole id alone", async () => {
		const repository = fakeRepository();
		const { id } = await repository.add({ tags: ["t"] });
		await repository.forget(id);
		expect((await selectSnapshot(repository, id)).id).toBe(id);
		for (const spec of ["latest", "tag:t", "1d", id.slice(0, 63)])
			await expect(selectSnapshot(repository, spec)).rejects.toThrow(
				NotFoundError,
			);
	});
});
