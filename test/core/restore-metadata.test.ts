import { spawnSync } from "node:child_process";
import {
	chownSync,
	linkSync,
	lstatSync,
	mkdirSync,
	readdirSync,
	statSync,
	symlinkSync,
	truncateSync,
	writeFileSync,
} from "node:fs";
import { join } from "node:path";
import { blankNode, encodeList, ItemKind, NodeKind, utf8 } from "@varve/format";
import { makeTree, sampleAcl, setXattrs } from "@varve/testkit";
import { describe, expect, test } from "vitest";
import { lookUpNumbers } from "../../packages/core/src/accounts.ts";
import { XattrReader } from "../../packages/core/src/native/xattr-reader.ts";
import { mapAcl } from "../../packages/core/src/restore/acl-ids.ts";
import {
	type GivenAttributes,
	giveAttributes,
} from "../../packages/core/src/restore/entry-attributes.ts";
import { loadNativeCalls } from "../../packages/core/src/restore/native-times.ts";
import type { OpenEntry } from "../../packages/core/src/restore/open-entry.ts";
import { Owners } from "../../packages/core/src/restore/owners.ts";
import { restore } from "../../packages/core/src/restore/restore.ts";
import { Craft } from "./crafted-snapshot.ts";
import { noise, readingPlace, takeSnapshot } from "./reading-workplace.ts";
import { describeTree } from "./restore-tree.ts";

const place = readingPlace("restore-metadata");
const isRoot = process.geteuid?.() === 0;
const reader = new XattrReader();
const makeNode = loadNativeCalls().makeNode as NonNullable<
	ReturnType<typeof loadNativeCalls>["makeNode"]
>;
const accessAcl = "system.posix_acl_access";
const defaultAcl = "system.posix_acl_default";
const names = (path: string) =>
	reader.ofPath(path).xattrs.map(({ name }) => Buffer.from(name).toString());

function tag(path: string, name: string, value: Uint8Array = utf8("v")): void {
	const obstacle = setXattrs([{ path, name, value }]);
	if (obstacle !== undefined) throw new Error(obstacle);
}

function source(tree: Parameters<typeof makeTree>[1]): string {
	const folder = place.fresh("source");
	makeTree(folder, tree);
	return folder;
}

async function restored(folder: string, target = place.fresh("target")) {
	const repository = await place.repository();
	const snapshot = await takeSnapshot(repository, folder);
	const subpath = folder;
	const report = await restore(repository, { snapshot, target, subpath });
	return { target, report };
}

/** Of every entry, by its path: its extended attributes. */
function xattrsBelow(folder: string) {
	const paths = ["", ...readdirSync(folder, { recursive: true })].map(String);
	return Object.fromEntries(
		paths.map((path) => [path, reader.ofPath(join(folder, path)).xattrs]),
	);
}

describe.runIf(isRoot)("restore as root", () => {
	test("T71 gives back extended attributes, ACLs and capabilities of entries of every kind", async () => {
		const folder = source({
			file: "1",
			large: noise(33 * 1024 * 1024),
			d: { in: "2" },
		});
		const at = (name: string) => join(folder, name);
		symlinkSync("/etc/passwd", at("link"));
		makeNode(at("fifo"), 0o010640, 0);
		makeNode(at("null"), 0o020644, 0x103);
		const everywhere = ["", "file", "large", "d", "link", "fifo", "null"];
		for (const name of everywhere) tag(at(name), "trusted.t");
		for (const name of ["", "file", "large", "d"]) tag(at(name), "user.u");
		tag(at("file"), "user.empty", new Uint8Array(0));
		for (const name of ["file", "large", "d", "fifo"])
			tag(at(name), accessAcl, sampleAcl);
		tag(at("d"), defaultAcl, sampleAcl);
		const capability = Uint8Array.of(0, 0, 0, 2, ...Array(16).fill(1));
		tag(at("file"), "security.capability", capability);
		chownSync(at("file"), 1234, 77);
		tag(at("file"), "security.capability", capability);
		const { target, report } = await restored(folder);
		expect(report.problems).toEqual([]);
		expect(describeTree(target)).toEqual(describeTree(folder));
		expect(xattrsBelow(target)).toEqual(xattrsBelow(folder));
		expect(names(join(target, "file"))).toContain("security.capability");
		expect(names(join(target, "link"))).toEqual(["trusted.t"]);
	});

	test("T81 takes away the ACLs that the target hands on, and no others", async () => {
		const folder = source({ file: "1", d: { file: "2" } });
		makeNode(join(folder, "fifo"), 0o010664, 0);
		tag(join(folder, "d"), defaultAcl, sampleAcl);
		const target = place.fresh("target");
		mkdirSync(target);
		tag(target, defaultAcl, sampleAcl);
		tag(target, accessAcl, sampleAcl);
		await restored(folder, target);
		expect(describeTree(target)).toEqual(describeTree(folder));
		expect(xattrsBelow(target)).toEqual(xattrsBelow(folder));
		const other = place.fresh("target");
		mkdirSync(other);
		tag(other, defaultAcl, sampleAcl);
		const repository = await place.repository();
		const snapshot = await takeSnapshot(repository, folder);
		await restore(repository, { snapshot, target: other });
		expect(names(other)).toContain(defaultAcl);
		expect(names(join(other, folder.split("/")[1] as string))).toEqual([]);
		expect(xattrsBelow(other + folder)).toEqual(xattrsBelow(folder));
	});

	test("T70 makes names of one FIFO, device, socket or symlink names of one again, across directories and in part", async () => {
		const folder = source({ a: {}, b: {} });
		const at = (name: string) => join(folder, name);
		const kinds = {
			fifo: () => makeNode(at("a/fifo"), 0o010600, 0),
			socket: () => makeNode(at("a/socket"), 0o140600, 0),
			device: () => makeNode(at("a/device"), 0o060600, 0x703),
			symlink: () => symlinkSync("nowhere", at("a/symlink")),
			file: () => writeFileSync(at("a/file"), "1"),
		};
		for (const [name, make] of Object.entries(kinds)) {
			make();
			linkSync(at(`a/${name}`), at(`b/${name}`));
			linkSync(at(`a/${name}`), at(`b/${name}-too`));
		}
		const { target, report } = await restored(folder);
		expect(report).toMatchObject({ hardLinks: 10, problems: [] });
		expect(describeTree(target)).toEqual(describeTree(folder));
		const repository = await place.repository();
		const snapshot = await takeSnapshot(repository, folder);
		const part = place.fresh("part");
		const subpath = join(folder, "b");
		await restore(repository, { snapshot, target: part, subpath });
		for (const name of Object.keys(kinds)) {
			const [one, two] = [name, `${name}-too`].map((n) =>
				lstatSync(join(part, n)),
			);
			expect([one?.ino, one?.nlink]).toEqual([two?.ino, 2]);
		}
	});

	test("gives files, and what ACLs name, to who has their names here, unless numbers are asked for", async () => {
		const folder = source({ file: "1" });
		chownSync(join(folder, "file"), 54_321, 54_322);
		tag(join(folder, "file"), accessAcl, sampleAcl);
		const repository = await place.repository();
		const taken = await takeSnapshot(repository, folder);
		const record = {
			...taken.record,
			users: { 54321: "root", 1: "root" },
			groups: { 54322: "root", 77: "no group is called that" },
		};
		const owners = async (numericIds: boolean) => {
			const target = place.fresh("target");
			const given = { target, subpath: folder, numericIds };
			await restore(repository, { snapshot: { ...taken, record }, ...given });
			const { uid, gid } = statSync(join(target, "file"));
			const acl = reader
				.ofPath(join(target, "file"))
				.xattrs.find(({ name }) => Buffer.from(name).toString() === accessAcl);
			const user = acl?.value[4 + 8 + 4];
			return { uid, gid, user };
		};
		expect(await owners(false)).toEqual({ uid: 0, gid: 0, user: 0 });
		expect(await owners(true)).toEqual({ uid: 54_321, gid: 54_322, user: 1 });
	});
});

describe("restore of metadata", () => {
	test("T73 gives back odd times of entries of every kind", async () => {
		const folder = source({ file: "1", d: {} });
		symlinkSync("x", join(folder, "link"));
		const { setPathTime } = loadNativeCalls();
		const times: [string, number, number][] = [
			["file", -(2 ** 31) - 1, 1],
			["d", 2 ** 33, 999_999_999],
			["link", -1, 999_999_999],
		];
		for (const [name, ...time] of times)
			setPathTime(join(folder, name), ...time);
		const wanted = describeTree(folder);
		const { target } = await restored(folder);
		expect(describeTree(target)).toEqual(wanted);
	});

	test("T72 leaves holes where there were some, and room for nothing", async () => {
		const folder = source({ holes: "start" });
		truncateSync(join(folder, "holes"), 300 * 1024 * 1024);
		const { target } = await restored(folder);
		const stat = lstatSync(join(target, "holes"));
		expect(stat.size).toBe(300 * 1024 * 1024);
		expect(stat.blocks * 512).toBeLessThan(1024 * 1024);
	});

	test("T72 a file of 1 TiB with 1,024 holes takes the room of what is between them", async () => {
		const craft = new Craft();
		const words = utf8("all there is in it");
		const hole = 2 ** 30;
		const length = hole + words.length;
		const idsOf = (ids: string[]) =>
			Uint8Array.from(Buffer.from(ids.join(""), "hex"));
		const list = encodeList({
			kinds: Array(64).fill([ItemKind.zeros, ItemKind.chunk]).flat(),
			lengths: Array(64).fill([hole, words.length]).flat(),
			ids: idsOf(Array(64).fill(craft.put(words))),
		});
		const content = {
			kinds: Array(16).fill(ItemKind.list),
			lengths: Array(16).fill(64 * length),
			ids: idsOf(Array(16).fill(craft.put(list))),
		};
		const node = blankNode(utf8("holes"), NodeKind.file);
		const tree = craft.tree({ ...node, mode: 0o644, content, holes: true });
		const { repository, snapshot } = await craft.snapshot(place, [
			{ path: "/s", tree },
		]);
		const target = place.fresh("target");
		const report = await restore(repository, { snapshot, target });
		expect(report).toMatchObject({ files: 1, problems: [] });
		const stat = lstatSync(join(target, "s/holes"));
		expect(stat.size).toBe(1024 * length);
		expect(stat.blocks * 512).toBeLessThanOrEqual(1024 * 8192);
	});

	test("T68 a tree 20,000 bytes deep is given back as it was", async () => {
		const craft = new Craft();
		const name = utf8("d".repeat(199));
		const link = blankNode(utf8("link"), NodeKind.symlink);
		let tree = craft.tree(
			{ ...blankNode(utf8("file"), NodeKind.file), mode: 0o640 },
			{ ...link, target: utf8("down here") },
		);
		for (let depth = 0; depth < 100; depth++) {
			const node = blankNode(name, NodeKind.directory);
			tree = craft.tree({ ...node, mode: 0o750, mtime: depth, tree });
		}
		const { repository, snapshot } = await craft.snapshot(place, [
			{ path: "/s", tree },
		]);
		const target = place.fresh("target");
		const subpath = "/s";
		const report = await restore(repository, { snapshot, target, subpath });
		expect(report).toMatchObject({ directories: 101, problems: [] });
		const found = spawnSync("sh", [
			"-c",
			'cd "$0" && while [ -d d* ]; do cd -P d*; n=$((n+1)); done; echo $n; readlink link; stat -c %a:%Y file .',
			target,
		]);
		expect(String(found.stdout)).toBe("100\ndown here\n640:0\n750:0\n");
		// Node's rm cannot remove what lies deeper than a path may be long.
		spawnSync("rm", ["-rf", target]);
	});
});

describe("attributes of an entry", () => {
	/** What is done to it, in order. `refuse` says what fails, and how. */
	function give(options: {
		process: { uid: number };
		node: { mode: number; uid: number; gid?: number };
		xattrs?: string[];
		kind?: GivenAttributes["kind"];
		inheritsAcl?: boolean;
		refuse?: (call: string) => string | undefined;
		native?: boolean;
	}) {
		const calls: string[] = [];
		const failures: string[] = [];
		const lost: string[] = [];
		const { uid } = options.process;
		const owners = new Owners({
			...{ uid, gid: uid, groups: [], inheritsGroup: false },
			accounts: { users: new Map(), groups: new Map() },
		});
		const { node, kind = "file" } = options;
		owners.judge(node.mode, node.uid, node.gid ?? node.uid, kind);
		const call = (text: string) => {
			calls.push(text);
			const code = options.refuse?.(text);
			if (code !== undefined)
				throw Object.assign(new Error(`${code}: no`), { code });
		};
		const text = (name: Uint8Array) => Buffer.from(name).toString();
		const entry: OpenEntry = {
			chown: (u, g) => call(`chown ${u}:${g}`),
			chmod: (mode) => call(`chmod ${mode.toString(8)}`),
			setTime: () => call("time"),
			xattrs:
				options.native === false
					? undefined
					: {
							set: (name) => call(`set ${text(name)}`),
							remove: (name) => call(`remove ${text(name)}`),
						},
		};
		giveAttributes(
			entry,
			{
				...{ owners, kind, seconds: 1, nanoseconds: 2 },
				xattrs: (options.xattrs ?? []).map((name) => ({
					name: utf8(name),
					value: utf8("v"),
				})),
				inheritsAcl: options.inheritsAcl ?? false,
			},
			{
				attempt: (change) => {
					try {
						change();
					} catch (error) {
						failures.push((error as Error).message);
					}
				},
				lose: (what) => lost.push(what),
			},
		);
		return { calls, failures, lost };
	}
	const root = { uid: 0 };
	const user = { uid: 1000 };

	test("T81 are given in the order owner, extended attributes, mode, time", () => {
		const node = { mode: 0o4755, uid: 7 };
		const xattrs = ["security.capability", accessAcl];
		expect(give({ process: root, node, xattrs }).calls).toEqual([
			"chown 7:7",
			"set security.capability",
			`set ${accessAcl}`,
			"chmod 4755",
			"time",
		]);
	});

	test("T81 close an entry to its owner too, before it is given away, where the owner may not have it in the end", () => {
		const node = { mode: 0o455, uid: 7 };
		expect(give({ process: root, node }).calls.slice(0, 2)).toEqual([
			"chmod 400",
			"chown 7:7",
		]);
		const kind = "directory" as const;
		expect(give({ process: root, node, kind }).calls.slice(0, 2)).toEqual([
			"chmod 400",
			"chown 7:7",
		]);
		const mine = { mode: 0o400, uid: 1000 };
		const xattrs = ["user.x"];
		expect(give({ process: user, node: mine, xattrs }).calls).toEqual([
			"set user.x",
			"chmod 400",
			"time",
		]);
	});

	test("T81 take an ACL away that a directory has handed on, before anything is opened by a mode", () => {
		const node = { mode: 0o664, uid: 0 };
		const given = { process: root, node, inheritsAcl: true };
		expect(give(given).calls).toEqual([
			`remove ${accessAcl}`,
			"chmod 664",
			"time",
		]);
		expect(give({ ...given, kind: "directory" }).calls).toEqual([
			`remove ${accessAcl}`,
			`remove ${defaultAcl}`,
			"chmod 664",
			"time",
		]);
		expect(give({ ...given, kind: "symlink" }).calls).toEqual(["time"]);
	});

	test("T82 that only root may set are counted for a user, by kind, and what else is refused is reported", () => {
		const xattrs = ["trusted.a", "trusted.b", "security.c", "user.d"];
		const refuse = (call: string) =>
			call.startsWith("set") ? "EPERM" : undefined;
		const node = { mode: 0o644, uid: 1000 };
		expect(give({ process: user, node, xattrs, refuse })).toMatchObject({
			failures: [expect.stringContaining('"user.d"')],
			lost: ["extended attributes trusted.*", "extended attributes security.*"],
		});
		const asRoot = { process: root, node, xattrs, refuse };
		expect(give(asRoot).failures).toHaveLength(4);
	});

	test.each(["EPERM", "EROFS", "ENOTSUP"])(
		"T82 each call that fails with %s is reported, and the others are made",
		(code) => {
			const node = { mode: 0o644, uid: 7 };
			const xattrs = ["user.x"];
			const refuse = () => code;
			const { calls, failures } = give({ process: root, node, xattrs, refuse });
			expect(calls).toHaveLength(4);
			expect(failures).toHaveLength(4);
		},
	);

	test("are counted as lost where the system's calls cannot be had", () => {
		const node = { mode: 0o600, uid: 0 };
		const given = { process: root, node, xattrs: ["user.x", "user.y"] };
		expect(give({ ...given, native: false })).toMatchObject({
			lost: ["extended attributes"],
			failures: [],
		});
	});
});

describe("an ACL", () => {
	const accounts = { users: new Map([[1, 500]]), groups: new Map([[1, 600]]) };

	test("gets the numbers of this machine for users and groups, and nothing else changes", () => {
		const mapped = mapAcl(sampleAcl, accounts);
		const expected = Uint8Array.from(sampleAcl);
		expected.set([500 & 0xff, 500 >> 8], 4 + 8 + 4);
		expect(mapped).toEqual(expected);
	});

	test("that is none stays as it is", () => {
		for (const bytes of [[], [2, 0, 0], [9, 0, 0, 0, 2, 0, 4, 0, 1, 0, 0, 0]])
			expect(mapAcl(Uint8Array.from(bytes), accounts)).toEqual(
				Uint8Array.from(bytes),
			);
	});
});

test("numbers of users and groups are found by name, where they differ", async () => {
	const users = join(place.fresh("passwd"));
	writeFileSync(users, "root:x:0:0::/:\nann:x:1001:1::/:\nbroken\nbob:x:1:\n");
	const files = { users, groups: "/nowhere/at/all" };
	const names = { 0: "root", 1000: "ann", 1001: "bob", 1002: "carl" };
	const found = await lookUpNumbers({ users: names, groups: names }, files);
	expect([...found.users]).toEqual([
		[1000, 1001],
		[1001, 1],
	]);
	expect(found.groups.size).toBe(0);
});
