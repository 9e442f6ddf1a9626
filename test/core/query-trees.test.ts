import { createHash } from "node:crypto";
import {
	decodeName,
	InputError,
	NodeKind,
	NotFoundError,
	utf8,
} from "@varve/format";
import { describe, expect, test } from "vitest";
import {
	checksumLine,
	checksums,
} from "../../packages/core/src/query/checksums.ts";
import { findEntries } from "../../packages/core/src/query/find-entries.ts";
import { globToRegExp } from "../../packages/core/src/query/glob.ts";
import { history } from "../../packages/core/src/query/history.ts";
import { listTree } from "../../packages/core/src/query/list-tree.ts";
import { readFile } from "../../packages/core/src/query/read-content.ts";
import {
	directory,
	type FakeTree,
	sha256Hex,
	symlink,
} from "./fake-objects.ts";
import { fakeRepository } from "./fake-repository.ts";

async function all<T>(items: AsyncIterable<T>): Promise<T[]> {
	const list: T[] = [];
	for await (const item of items) list.push(item);
	return list;
}

const odd = decodeName(new Uint8Array([0x6f, 0xff]));
const etc: FakeTree = {
	hosts: {
		text: "127.0.0.1",
		mode: 0o600,
		uid: 7,
		gid: 8,
		mtime: -1,
		mtimeNs: 5,
	},
	ssl: directory({
		"a.pem": "pem",
		empty: "",
		certs: directory({ "b.pem": "pem" }),
	}),
	link: symlink("ssl/a.pem"),
	pipe: { kind: NodeKind.fifo },
	sda: { kind: NodeKind.blockDevice, device: 0x802 },
	[odd]: "odd",
};

async function paths(
	tree: FakeTree | Record<string, FakeTree>,
	request: object,
) {
	const repository = fakeRepository();
	const trees = tree === etc ? { "/srv/etc": etc } : tree;
	const snapshot = await repository.add({
		trees: trees as Record<string, FakeTree>,
	});
	const entries = await all(listTree(repository, snapshot, request));
	return entries.map(({ path }) => path);
}

describe("list", () => {
	const top = ["hosts", "link", odd, "pipe", "sda", "ssl"].map(
		(n) => `/srv/etc/${n}`,
	);

	test.each<[object, string[]]>([
		[{}, ["/srv/etc", ...top]],
		[{ path: "/srv/etc" }, top],
		[{ path: "/srv/etc/" }, top],
		[{ path: "/" }, ["/srv/etc"]],
		[{ path: "/srv" }, ["/srv/etc"]],
		[{ path: "hosts" }, ["/srv/etc/hosts"]],
		[{ path: "/srv/etc/hosts" }, ["/srv/etc/hosts"]],
		[{ path: "ssl/certs" }, ["/srv/etc/ssl/certs/b.pem"]],
		[
			{ path: "ssl", recursive: true },
			["a.pem", "certs", "certs/b.pem", "empty"].map(
				(n) => `/srv/etc/ssl/${n}`,
			),
		],
	])("%j", async (request, expected) => {
		expect(await paths(etc, request)).toEqual(expected);
	});

	test("all of several roots, one of them within another", async () => {
		const trees = {
			"/": { etc: directory({}), home: directory({}) },
			"/home": { u: "u" },
		};
		const whole = ["/", "/etc", "/home", "/home/u"];
		expect(await paths(trees, { recursive: true })).toEqual(whole);
		expect(await paths(trees, { path: "/", recursive: true })).toEqual(
			whole.slice(1),
		);
		expect(await paths(trees, { path: "/" })).toEqual(["/etc", "/home"]);
		expect(await paths(trees, { path: "/home" })).toEqual(["/home/u"]);
	});

	test("entries have all attributes", async () => {
		const repository = fakeRepository();
		const snapshot = await repository.add({
			trees: { "/": etc },
			users: { 7: "seven" },
		});
		const [hosts, link, , , sda] = await all(
			listTree(repository, snapshot, { path: "/" }),
		);
		expect(hosts).toEqual({
			path: "/hosts",
			name: "hosts",
			type: "file",
			mode: 0o600,
			uid: 7,
			gid: 8,
			user: "seven",
			group: undefined,
			size: 9,
			mtime: -1,
			mtimeNs: 5,
			target: undefined,
			device: undefined,
			torn: false,
		});
		expect(link).toMatchObject({
			type: "symlink",
			target: "ssl/a.pem",
			size: 0,
		});
		expect(sda).toMatchObject({ type: "dev", device: 0x802 });
	});

	test("directories deeper than the stack are walked", async () => {
		const repository = fakeRepository();
		let tree: FakeTree = { end: "" };
		for (let i = 0; i < 6000; i++) {
			const id = repository.objects.putTree(tree);
			tree = { d: { kind: NodeKind.directory, tree: id } };
		}
		const snapshot = await repository.add({ trees: { "/": tree } });
		let count = 0;
		for await (const _ of listTree(repository, snapshot, { recursive: true }))
			count++;
		expect(count).toBe(6002);
		const request = { snapshots: [snapshot], patterns: ["end"] };
		expect(await all(findEntries(repository, request))).toHaveLength(1);
	});
});

describe("read", () => {
	async function read(path: string, trees: Record<string, FakeTree>) {
		const repository = fakeRepository();
		const snapshot = await repository.add({ trees });
		const slices = await all(readFile(repository, snapshot, path));
		return Buffer.concat(slices);
	}

	test("a file's bytes come in order, each piece for keeps", async () => {
		const text = "0123456789".repeat(200);
		const holes = new Uint8Array(70_000 + 5).fill(1, 70_000);
		const tree = { long: text, holes: { text: holes }, empty: "" };
		expect((await read("/r/long", { "/r": tree })).toString()).toBe(text);
		expect(await read("/r/holes", { "/r": tree })).toEqual(Buffer.from(holes));
		expect(await read("empty", { "/r": tree })).toHaveLength(0);
	});

	test("what is no file is refused", async () => {
		const trees = { "/r": { d: directory({}), l: symlink("x") }, "/s": {} };
		for (const path of ["/", "/r", "/r/d", "/r/l"])
			await expect(read(path, trees)).rejects.toThrow(InputError);
		for (const path of ["/x", "/r/l/x", "nothing"])
			await expect(read(path, trees)).rejects.toThrow(NotFoundError);
	});
});

describe("glob", () => {
	test.each<[string, string[], string[]]>([
		["a*", ["a", "ab"], ["b", "a/b"]],
		["*.c", [".c", "a.c"], ["a.cc", "d/a.c"]],
		["a?c", ["abc", "a😀c"], ["ac", "a/c"]],
		["[a-c]x", ["ax", "cx"], ["dx", "/x"]],
		["[!a]x", ["bx"], ["ax", "/x"]],
		["[]]", ["]"], ["["]],
		["[a", ["[a"], ["a"]],
		["[&^[]", ["&", "^", "["], ["a"]],
		["[-a]", ["-", "a"], ["b"]],
		["[a\\-c]", ["-", "a"], ["b"]],
		["\\*", ["*"], ["a"]],
		["a.b+(c)", ["a.b+(c)"], ["aXb+(c)"]],
		["/**/b", ["/b", "/a/b", "/a/c/b"], ["b", "/ab"]],
		["/a/**", ["/a/b", "/a/b/c"], ["/a", "/a/"]],
		["**/b", ["b", "a/b"], ["ab"]],
		["a**b", ["ab", "axb"], ["a/b"]],
		["a\nb", ["a\nb"], ["ab"]],
	])("%j", (glob, yes, no) => {
		const expression = globToRegExp(glob);
		for (const text of yes) expect(expression.test(text), text).toBe(true);
		for (const text of no) expect(expression.test(text), text).toBe(false);
	});

	test("case counts unless told otherwise", () => {
		expect(globToRegExp("Ä*").test("äb")).toBe(false);
		expect(globToRegExp("Ä*", "i").test("äb")).toBe(true);
	});
});

describe("find", () => {
	async function two() {
		const repository = fakeRepository();
		const one = await repository.add({ trees: { "/srv/etc": etc } });
		const changed = { ...etc, hosts: "changed", "New.PEM": "new" };
		const two = await repository.add({ trees: { "/srv/etc": changed } });
		const find = async (request: object) => {
			const snapshots = [one, two];
			const found = await all(
				findEntries(repository, { snapshots, ...request }),
			);
			return found.map(({ snapshot, entry }) => {
				return `${snapshot === one ? 1 : 2} ${entry.path}`;
			});
		};
		return { repository, one, two, find };
	}

	test.each<[string[], string[]]>([
		[["hosts"], ["1 /srv/etc/hosts", "2 /srv/etc/hosts"]],
		[
			["*.pem"],
			["1", "2"].flatMap((n) => [
				`${n} /srv/etc/ssl/a.pem`,
				`${n} /srv/etc/ssl/certs/b.pem`,
			]),
		],
		[["etc/*.PEM"], ["2 /srv/etc/New.PEM"]],
		[["/srv/etc"], ["1 /srv/etc", "2 /srv/etc"]],
		[["/etc"], []],
		[
			["/srv/*/New*", "sda"],
			["1 /srv/etc/sda", "2 /srv/etc/New.PEM", "2 /srv/etc/sda"],
		],
		[["certs/"], ["1 /srv/etc/ssl/certs", "2 /srv/etc/ssl/certs"]],
		[["nowhere"], []],
	])("%j", async (patterns, expected) => {
		expect(await (await two()).find({ patterns })).toEqual(expected);
	});

	test("letters of either case, if asked for", async () => {
		const { find } = await two();
		expect(await find({ patterns: ["new.pem"] })).toEqual([]);
		expect(await find({ patterns: ["new.pem"], ignoreCase: true })).toEqual([
			"2 /srv/etc/New.PEM",
		]);
	});

	test("chunks and trees are found by their ids", async () => {
		const { repository, find } = await two();
		const chunk = sha256Hex(utf8("pem"));
		expect(await find({ ids: [chunk.slice(0, 8)] })).toHaveLength(4);
		const tree = repository.objects.putTree({ "b.pem": "pem" });
		expect(await find({ ids: [tree] })).toEqual([
			"1 /srv/etc/ssl/certs",
			"2 /srv/etc/ssl/certs",
		]);
		const long = "0123456789".repeat(200);
		const snapshot = await repository.add({ trees: { "/": { long } } });
		const inList = sha256Hex(utf8(long.slice(0, 64)));
		const request = { snapshots: [snapshot], ids: [inList] };
		const [found] = await all(findEntries(repository, request));
		expect(found).toMatchObject({ id: inList, entry: { path: "/long" } });
	});

	test("directories that hold nothing wanted are read once for all snapshots", async () => {
		const { repository, find } = await two();
		repository.objects.reads.length = 0;
		expect(await find({ patterns: ["New*"] })).toHaveLength(1);
		// Two different roots, and ssl and certs, which are the same in both.
		expect(repository.objects.reads).toHaveLength(4);
	});

	test("nothing to find is wrong", async () => {
		const { find } = await two();
		for (const request of [{}, { patterns: [""] }, { ids: ["xyz"] }])
			await expect(find(request)).rejects.toThrow(InputError);
	});
});

describe("history", () => {
	async function versions(trees: readonly FakeTree[], path: string) {
		const repository = fakeRepository();
		const snapshots = [];
		for (const [i, tree] of trees.entries()) {
			repository.time += 60_000;
			snapshots.push(
				await repository.add({ trees: { "/r": tree }, note: `${i}` }),
			);
		}
		const found = await history(repository, path, [...snapshots].reverse());
		return found.map(({ first, last, count, entry, changes }) =>
			[`${first.note}-${last.note}`, count, entry?.size, ...changes].join(" "),
		);
	}

	test("each version is named by what changed", async () => {
		const a = { text: "one", mtime: 1 };
		const trees: FakeTree[] = [
			{},
			{ a },
			{ a, b: "other" },
			{ a: { ...a, mode: 0o600 } },
			{ a: { text: "three", mtime: 2 } },
			{},
			{},
			{ a: symlink("b") },
			{ a: { ...symlink("c"), uid: 1 } },
			{ a: directory({}) },
		];
		expect(await versions(trees, "/r/a")).toEqual([
			"1-2 2 3 added",
			"3-3 1 3 mode",
			"4-4 1 5 content mode mtime",
			"5-6 2  removed",
			"7-7 1 0 added",
			"8-8 1 0 target owner",
			"9-9 1 0 type",
		]);
	});

	test("a directory changes with what is in it, a root too", async () => {
		const trees = [{ d: directory({ x: "" }) }, { d: directory({ y: "" }) }];
		expect(await versions(trees, "/r/d")).toEqual([
			"0-0 1 0 added",
			"1-1 1 0 entries",
		]);
		expect(await versions(trees, "/r/")).toHaveLength(2);
	});

	test("hosts do not mix, and snapshots without the path's root say nothing", async () => {
		const repository = fakeRepository();
		const add = (host: string, root: string, text: string) => {
			repository.time += 1000;
			return repository.add({ host, trees: { [root]: { a: text } } });
		};
		const snapshots = [
			await add("h", "/r", "1"),
			await add("i", "/r", "2"),
			await add("h", "/s", "3"),
			await add("h", "/r", "1"),
		];
		const found = await history(repository, "/r/a", snapshots);
		expect(found.map(({ host, count }) => `${host} ${count}`)).toEqual([
			"h 2",
			"i 1",
		]);
		await expect(history(repository, "/t", snapshots)).rejects.toThrow(
			NotFoundError,
		);
		await expect(history(repository, "/r/b", snapshots)).rejects.toThrow(
			NotFoundError,
		);
	});

	test("a tree on the way is read once however many snapshots have it", async () => {
		const repository = fakeRepository();
		const snapshots = [];
		for (let i = 0; i < 5; i++) {
			const trees = { "/r": { d: directory({ a: "a" }), other: `${i}` } };
			snapshots.push(await repository.add({ trees }));
		}
		repository.objects.reads.length = 0;
		await history(repository, "/r/d/a", snapshots);
		expect(repository.objects.reads).toHaveLength(5 + 1);
	});
});

describe("checksums", () => {
	const long = "0123456789".repeat(200);
	const holes = new Uint8Array(200_000);
	const tree: FakeTree = {
		short: "short",
		empty: "",
		d: directory({ long, again: long, holes: { text: holes } }),
		link: symlink("short"),
	};
	const sha = (text: string | Uint8Array) =>
		createHash("sha256").update(text).digest("hex");

	test("every file has the SHA-256 of its whole content", async () => {
		const repository = fakeRepository();
		const snapshot = await repository.add({ trees: { "/r": tree } });
		expect(await all(checksums(repository, snapshot))).toEqual([
			{ path: "/r/d/again", sha256: sha(long), size: 2000 },
			{ path: "/r/d/holes", sha256: sha(holes), size: 200_000 },
			{ path: "/r/d/long", sha256: sha(long), size: 2000 },
			{ path: "/r/empty", sha256: sha(""), size: 0 },
			{ path: "/r/short", sha256: sha("short"), size: 5 },
		]);
		const below = await all(checksums(repository, snapshot, "/r/d"));
		expect(below.map(({ path }) => path)).toEqual(["again", "holes", "long"]);
		const one = await all(checksums(repository, snapshot, "d/long"));
		expect(one.map(({ path }) => path)).toEqual(["long"]);
		expect(await repository.backend.list("leases")).toEqual([]);
	});

	test("equal contents are read once, and files of one chunk not at all", async () => {
		const repository = fakeRepository(1000);
		const snapshot = await repository.add({ trees: { "/r": tree } });
		repository.objects.reads.length = 0;
		await all(checksums(repository, snapshot));
		const chunks = [long.slice(0, 1000)].map((text) => sha(text));
		const reads = repository.objects.reads.filter((id) => chunks.includes(id));
		expect(reads).toHaveLength(2);
		expect(repository.objects.reads).not.toContain(sha("short"));
	});

	test("lines are as sha256sum has them", () => {
		const sha256 = "0".repeat(64);
		const line = (path: string) =>
			Buffer.from(checksumLine({ path, sha256, size: 0 })).toString("latin1");
		expect(line("a b")).toBe(`${sha256}  a b\n`);
		expect(line("a\\b")).toBe(`\\${sha256}  a\\\\b\n`);
		expect(line("a\nb\rc")).toBe(`\\${sha256}  a\\nb\\rc\n`);
		expect(line(odd)).toBe(`${sha256}  o\xff\n`);
	});

	test("a reader that stops early gives its lease back", async () => {
		const repository = fakeRepository();
		const snapshot = await repository.add({ trees: { "/r": tree } });
		for await (const _ of checksums(repository, snapshot)) break;
		expect(await repository.backend.list("leases")).toEqual([]);
	});
});
