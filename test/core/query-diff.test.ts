import { createHash } from "node:crypto";
import { idToBytes, NodeKind, utf8 } from "@varve/format";
import fc from "fast-check";
import { describe, expect, test } from "vitest";
import {
	type DiffItem,
	type DiffRequest,
	diff,
} from "../../packages/core/src/query/diff.ts";
import { IdTable } from "../../packages/core/src/query/id-table.ts";
import { mergeByName } from "../../packages/core/src/query/merge-entries.ts";
import { directory, type FakeTree, symlink } from "./fake-objects.ts";
import { fakeRepository } from "./fake-repository.ts";

type Paths = { from?: string; to?: string; metadata?: boolean };

async function compare(before: FakeTree, after: FakeTree, paths: Paths = {}) {
	const repository = fakeRepository();
	const from = await repository.add({ trees: { "/r": before } });
	const to = await repository.add({ trees: { "/r": after }, note: "after" });
	const request: DiffRequest = {
		from: { snapshot: from, path: paths.from },
		to: { snapshot: to, path: paths.to },
		metadata: paths.metadata,
	};
	repository.objects.reads.length = 0;
	const items: DiffItem[] = [];
	for await (const item of diff(repository, request)) items.push(item);
	const lines = items.flatMap((item) =>
		item.type === "change" ? [`${item.modifier} ${item.path}`] : [],
	);
	return { items, lines, statistics: items.at(-1), repository };
}

describe("diff", () => {
	test("says what was added, removed, and changed in which way", async () => {
		const before: FakeTree = {
			gone: "x",
			content: { text: "one", mtime: 1 },
			rot: "aaa",
			mode: "m",
			type: "file",
			link: symlink("a"),
			device: { kind: NodeKind.characterDevice, device: 1 },
			dir: directory({ same: "s", deep: directory({ old: "o" }) }),
			old: directory({ f: "f" }),
			same: directory({ f: "f" }),
		};
		const after: FakeTree = {
			added: "x",
			content: { text: "two", mtime: 2 },
			rot: "bbb",
			mode: { text: "m", mode: 0o600 },
			type: directory({ inside: "i" }),
			link: symlink("b"),
			device: { kind: NodeKind.characterDevice, device: 2 },
			dir: directory({ same: "s", deep: directory({ new: "n" }) }, { uid: 5 }),
			same: directory({ f: "f" }),
		};
		const { lines } = await compare(before, after);
		expect(lines).toEqual([
			"+ /r/added",
			"M /r/content",
			"M /r/device",
			"+ /r/dir/deep/new",
			"- /r/dir/deep/old",
			"- /r/gone",
			"M /r/link",
			"- /r/old",
			"- /r/old/f",
			"M? /r/rot",
			"T /r/type",
			"+ /r/type/inside",
		]);
		const all = await compare(before, after, { metadata: true });
		const more = all.lines.filter((line) => !lines.includes(line));
		expect(more).toEqual(["U /r/dir", "U /r/mode"]);
	});

	test("a change tells both sides and what of them is different", async () => {
		const before = { f: { text: "one", mode: 0o600, mtime: 1 } };
		const after = { f: { text: "three", mode: 0o644, mtime: 1 } };
		const { items } = await compare(before, after);
		expect(items[0]).toMatchObject({
			changes: ["content", "mode"],
			before: { size: 3, mode: 0o600 },
			after: { size: 5, mode: 0o644 },
		});
	});

	test("other content of the same size and time is no rot if the file was read while it changed", async () => {
		const torn = { f: { text: "bbb", torn: true } };
		expect((await compare({ f: "aaa" }, torn)).lines).toEqual(["M /r/f"]);
		expect((await compare({ f: "aa" }, { f: "bbb" })).lines).toEqual([
			"M /r/f",
		]);
	});

	test("statistics count entries, and objects that are on one side only", async () => {
		const long = "0123456789".repeat(20);
		const before = {
			a: long,
			l: symlink("x"),
			d: directory({ f: "gone" }),
			t: "type",
		};
		const after = { a: `${long}more`, n: "new", t: directory({}) };
		const { statistics, repository } = await compare(before, after);
		const length = (tree: FakeTree) =>
			repository.objects.read(repository.objects.putTree(tree)).length;
		expect(statistics).toEqual({
			type: "statistics",
			changedFiles: 1,
			added: {
				files: 1,
				dirs: 1,
				others: 0,
				dataBlobs: 2,
				treeBlobs: 2,
				bytes: 12 + 3 + length(after) + length({}),
			},
			removed: {
				files: 2,
				dirs: 1,
				others: 1,
				dataBlobs: 3,
				treeBlobs: 2,
				bytes: 8 + 4 + 4 + length(before) + length({ f: "gone" }),
			},
		});
	});

	test("what has the same tree id is not looked at", async () => {
		const same = directory({ f: "f", d: directory({ g: "g" }) });
		const { lines, repository } = await compare(
			{ same, a: "1" },
			{ same, a: "2" },
		);
		expect(lines).toEqual(["M? /r/a"]);
		const tree = repository.objects.putTree({
			f: "f",
			d: directory({ g: "g" }),
		});
		expect(repository.objects.reads).not.toContain(tree);
		const equal = await compare({ same }, { same });
		expect(equal.repository.objects.reads).toEqual([]);
	});

	test("parts of snapshots are compared whatever they are called", async () => {
		const before = { a: directory({ x: "1", y: "y" }), f: "file" };
		const after = { b: directory({ x: "2", y: "y" }), g: "File" };
		const dirs = await compare(before, after, { from: "/r/a", to: "b" });
		expect(dirs.lines).toEqual(["M? /r/b/x"]);
		const files = await compare(before, after, { from: "f", to: "/r/g" });
		expect(files.lines).toEqual(["M? /r/g"]);
		const mixed = await compare(before, after, { from: "a", to: "g" });
		expect(mixed.lines).toEqual(["T /r/g", "- /r/a/x", "- /r/a/y"]);
	});

	test("roots are compared by their paths", async () => {
		const repository = fakeRepository();
		const from = await repository.add({
			trees: { "/a": { f: "1" }, "/b": { g: "2" } },
		});
		const to = await repository.add({ trees: { "/b": { g: "3" }, "/c": {} } });
		const request = { from: { snapshot: from }, to: { snapshot: to } };
		const lines: string[] = [];
		for await (const item of diff(repository, request))
			if (item.type === "change") lines.push(`${item.modifier} ${item.path}`);
		expect(lines).toEqual(["- /a", "- /a/f", "M? /b/g", "+ /c"]);
	});
});

const bytes = (text: string) => utf8(text);

test("two ordered lists are joined by the bytes of names", () => {
	const names = fc
		.uniqueArray(fc.constantFrom("a", "b", "ab", "B", "ä", "😀", "～"))
		.map((all) => [...all].sort((a, b) => Buffer.compare(bytes(a), bytes(b))));
	fc.assert(
		fc.property(names, names, (left, right) => {
			const pairs = [
				...mergeByName(left, right, { before: bytes, after: bytes }),
			];
			expect(pairs.flatMap(({ before }) => before ?? [])).toEqual(left);
			expect(pairs.flatMap(({ after }) => after ?? [])).toEqual(right);
			const both = left.filter((name) => right.includes(name));
			const paired = pairs.filter((p) => p.before === p.after);
			expect(paired.map(({ before }) => before)).toEqual(both);
			expect(pairs).toHaveLength(left.length + right.length - both.length);
		}),
		{ seed: 3, numRuns: 200 },
	);
});

test("a table of ids keeps a number for each while it grows", () => {
	const table = new IdTable(2);
	const idOf = (i: number) =>
		idToBytes(
			createHash("sha256")
				.update(`${i % 5000}`)
				.digest("hex"),
		);
	for (let i = 0; i < 10_000; i++) {
		const slot = table.slot(idOf(i), 0);
		table.set(0, slot, table.get(0, slot) + 1);
		table.set(1, slot, i % 5000);
	}
	expect(table.size).toBe(5000);
	expect(table.get(1, table.slot(idOf(17), 0))).toBe(17);
	const counts = [...table.slots()].map((slot) => table.get(0, slot));
	expect(counts).toHaveLength(5000);
	expect(new Set(counts)).toEqual(new Set([2]));
	expect(table.get(0, table.slot(new Uint8Array(32), 0))).toBe(0);
	expect(table.size).toBe(5001);
});
