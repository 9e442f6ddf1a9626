import {
	appendFileSync,
	chmodSync,
	rmSync,
	truncateSync,
	writeFileSync,
} from "node:fs";
import { join } from "node:path";
import type { Attribute, Node, TreeId } from "@varve/format";
import {
	clearXattrs,
	hardlink,
	makeTree,
	sampleAcl,
	setXattrs,
	symlink,
} from "@varve/testkit";
import { describe, expect, test } from "vitest";
import { XattrReader } from "../../packages/core/src/native/xattr-reader.ts";
import type { Repository } from "../../packages/core/src/repository.ts";
import type { SnapshotResult } from "../../packages/core/src/snapshot/options.ts";
import { lateClock, take, treeOf, workplace } from "./snapshot-workplace.ts";

const place = workplace("xattrs");
const clock = lateClock;
const value = new Uint8Array([1, 0, 0xff]);
const isRoot = process.getuid?.() === 0;
/** cap_net_raw=ep, as ping has it. */
const capability = Uint8Array.from([
	...[1, 0, 0, 2, 0, 0x20, 0, 0, 0, 0, 0, 0],
	...[0, 0, 0, 0, 0, 0, 0, 0],
]);

function source(): string {
	const folder = place.fresh("source");
	makeTree(folder, {
		plain: "nothing beside its content",
		file: "content",
		other: hardlink("file"),
		listed: "has an ACL",
		empty: "",
		large: "",
		link: symlink("file"),
		sub: { below: "content" },
		quiet: {},
	});
	truncateSync(join(folder, "large"), 150 * 1024 * 1024);
	return folder;
}

const user = (path: string, text = value) => ({
	path,
	name: "user.varve",
	value: text,
});

function whyNot(): string | undefined {
	const folder = place.fresh("trial");
	makeTree(folder, { file: "content" });
	const path = join(folder, "file");
	const missing = setXattrs([
		user(path),
		{ path, name: "system.posix_acl_access", value: sampleAcl },
	]);
	if (missing !== undefined) return missing;
	return new XattrReader().available ? undefined : "no C library";
}

/** Attributes of every entry that has some, by path, as hex. */
async function xattrsOf(repository: Repository, result: SnapshotResult) {
	await repository.objects.prepare();
	const all: { [path: string]: { [name: string]: string } } = {};
	const put = (path: string, xattrs: readonly Attribute[]) => {
		if (xattrs.length === 0) return;
		all[path] = Object.fromEntries(
			xattrs.map(({ name, value }) => [
				Buffer.from(name).toString("latin1"),
				Buffer.from(value).toString("hex"),
			]),
		);
	};
	const visit = (tree: TreeId, path: string) => {
		for (const node of [...repository.objects.nodes(tree)] as Node[]) {
			const name = path + Buffer.from(node.name).toString("latin1");
			put(name, node.xattrs);
			if (node.tree !== undefined) visit(node.tree, `${name}/`);
		}
	};
	put(".", result.record.roots[0]?.xattrs ?? []);
	visit(treeOf(result) as TreeId, "");
	return all;
}

const reason = whyNot();
const skipped =
	reason === undefined ? "" : ` (left out: no extended attributes: ${reason})`;
const marked = { "user.varve": "0100ff" };
const acl = Buffer.from(sampleAcl).toString("hex");

describe.skipIf(reason !== undefined)(`extended attributes${skipped}`, () => {
	const mark = (folder: string) =>
		expect(
			setXattrs([
				...["file", "empty", "large", "sub", "."].map((name) =>
					user(join(folder, name)),
				),
				{
					path: join(folder, "listed"),
					name: "system.posix_acl_access",
					value: sampleAcl,
				},
				{
					path: join(folder, "sub"),
					name: "system.posix_acl_default",
					value: sampleAcl,
				},
			]),
		).toBeUndefined();
	const whole = {
		".": marked,
		empty: marked,
		file: marked,
		large: marked,
		listed: { "system.posix_acl_access": acl },
		other: marked,
		sub: { "system.posix_acl_default": acl, ...marked },
	};

	for (const workers of [0, 2])
		test(`T71 of files, empty and large ones, links, directories and the root are kept, ACLs too, with ${workers} threads`, async () => {
			const folder = source();
			mark(folder);
			const repository = await place.repository({ clock, workers });
			const result = await take(repository, folder);
			expect(await xattrsOf(repository, result)).toEqual(whole);
			expect(result.record).toMatchObject({
				kept: ["xattrs"],
				notKept: {},
				unread: [],
			});
		});

	test("entries without any have the trees they always had", async () => {
		const folder = source();
		const repository = await place.repository({ clock });
		const bare = await take(repository, folder);
		mark(folder);
		const some = await take(repository, folder);
		expect(treeOf(some)).not.toBe(treeOf(bare));
		expect(setXattrs([user(join(folder, "plain"))])).toBeUndefined();
		const names = ["file", "empty", "large", "listed", "sub", ".", "plain"];
		expect(
			clearXattrs(names.map((name) => join(folder, name))),
		).toBeUndefined();
		expect(treeOf(await take(repository, folder))).toBe(treeOf(bare));
	});

	test("T63 a change of attributes alone is in the next snapshot, and stores trees only", async () => {
		const folder = source();
		mark(folder);
		const repository = await place.repository({ clock });
		await take(repository, folder);
		const other = new Uint8Array([2]);
		expect(
			setXattrs(
				["file", "sub", "."].map((name) => user(join(folder, name), other)),
			),
		).toBeUndefined();
		const second = await take(repository, folder);
		const changed = { "user.varve": "02" };
		expect(await xattrsOf(repository, second)).toEqual({
			...whole,
			".": changed,
			file: changed,
			other: changed,
			sub: { "system.posix_acl_default": acl, ...changed },
		});
		expect(second.record.statistics).toMatchObject({
			chunksAdded: 0,
			bytesAdded: 0,
			filesChanged: 2,
		});
	});

	test("what has not changed has what it had, and is not asked again", async () => {
		const folder = source();
		mark(folder);
		const repository = await place.repository({ clock });
		const first = await take(repository, folder);
		const second = await take(repository, folder);
		expect(treeOf(second)).toBe(treeOf(first));
		appendFileSync(join(folder, "sub/below"), "more");
		appendFileSync(join(folder, "plain"), "more");
		const third = await take(repository, folder);
		expect(treeOf(third)).not.toBe(treeOf(first));
		expect(await xattrsOf(repository, third)).toEqual(whole);
		chmodSync(join(folder, "sub"), 0o700);
		rmSync(join(folder, "quiet"), { recursive: true });
		const last = await take(repository, folder);
		expect(await xattrsOf(repository, last)).toMatchObject({
			file: marked,
			sub: marked,
		});
	});

	test("users and groups that only ACLs name have their names in the record, also once nothing is new", async () => {
		const folder = source();
		mark(folder);
		const repository = await place.repository({ clock });
		for (let round = 0; round < 2; round++) {
			const { users, groups } = (await take(repository, folder)).record;
			expect(users).toMatchObject({ "1": "daemon" });
			expect(groups).not.toHaveProperty("1");
		}
	});

	test("a parent that was not asked for them is no parent to take them from", async () => {
		const folder = source();
		mark(folder);
		const repository = await place.repository({ clock });
		const first = await take(repository, folder);
		const { id, record } = first;
		const without = { ...record, kept: [] };
		const records = repository.index.records.bind(repository.index);
		repository.index.records = async (ids) => {
			const all = new Map(await records(ids));
			if (all.has(id as never)) all.set(id as never, without);
			return all;
		};
		const again = await take(repository, folder);
		expect(repository.events.filter((e) => e.type === "warning")).toEqual([]);
		expect(again.record.parent).toBe(id);
		expect(again.record.statistics.filesUnmodified).toBe(0);
		expect(await xattrsOf(repository, again)).toEqual(whole);
	});

	test.skipIf(!isRoot)(
		"T71 of symlinks, names of any bytes and capabilities are kept",
		async () => {
			const folder = source();
			const odd = Buffer.from(`${folder}/bad\xff`, "latin1");
			writeFileSync(odd, "");
			expect(
				setXattrs([
					{ path: join(folder, "link"), name: "trusted.varve", value },
					{ path: odd, name: "user.varve", value },
					{
						path: join(folder, "sub/below"),
						name: "security.capability",
						value: capability,
					},
				]),
			).toBeUndefined();
			const repository = await place.repository({ clock });
			const result = await take(repository, folder);
			expect(await xattrsOf(repository, result)).toEqual({
				link: { "trusted.varve": "0100ff" },
				"bad\xff": marked,
				"sub/below": {
					"security.capability": Buffer.from(capability).toString("hex"),
				},
			});
		},
	);
});
