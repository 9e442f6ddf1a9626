import { existsSync, readFileSync } from "node:fs";
import { join } from "node:path";
import {
	type Bytes,
	blankNode,
	encodeTree,
	NodeKind,
	type SnapshotId,
	type TreeId,
	utf8,
} from "@varve/format";
import { hardlink, makeTree } from "@varve/testkit";
import { describe, expect, test } from "vitest";
import type {
	Repository,
	Snapshot,
} from "../../packages/core/src/repository.ts";
import { restoreOutcome } from "../../packages/core/src/restore/report.ts";
import { restore } from "../../packages/core/src/restore/restore.ts";
import { sha256Hex } from "./fake-objects.ts";
import {
	noise,
	pathsBelow,
	readingPlace,
	takeSnapshot,
} from "./reading-workplace.ts";
import { flip, tamperedBackend } from "./tampered-backend.ts";

const place = readingPlace("restore-damage");

/** Twenty files in several frames and two packs or more. */
const tree = Object.fromEntries(
	Array.from({ length: 20 }, (_, i) => [`f${i}`, noise(3000, i + 1)]),
);

async function damagedPlace(files: Parameters<typeof makeTree>[1] = tree) {
	const folder = place.fresh("source");
	makeTree(folder, files);
	const backend = tamperedBackend();
	const repository = await place.repository({ location: backend });
	const snapshot = await takeSnapshot(repository, folder);
	return { folder, backend, repository, snapshot };
}

/** The pack and the place in it of the first chunk of a file, or of the tree of a root. */
function placeOf(repository: Repository, id: Bytes) {
	const found = repository.index.lookup.find(id, 0);
	if (found === undefined) throw new Error("the chunk has no place");
	return found;
}

function chunkOf(repository: Repository, snapshot: Snapshot, name: string) {
	const root = snapshot.record.roots[0]?.tree as TreeId;
	const node = repository.objects.lookup(root, utf8(name));
	if (node === undefined) throw new Error(`no ${name}`);
	return node.content.ids.subarray(0, 32);
}

describe("restore from a damaged repository", () => {
	test("leaves out the files that a flipped bit costs, names them, and restores all others", async () => {
		const { folder, backend, repository, snapshot } = await damagedPlace();
		await repository.objects.prepare();
		const id = chunkOf(repository, snapshot, "f7");
		const { pack, offset } = placeOf(repository, id);
		backend.tamper("packs", pack, flip(offset + 8));
		const target = place.fresh("target");
		const report = await restore(repository, {
			snapshot,
			target,
			subpath: folder,
		});
		expect(restoreOutcome(report)).toBe("damaged");
		const lost = report.problems.map(({ path }) =>
			path.slice(folder.length + 1),
		);
		expect(lost).toContain("f7");
		expect(lost.length).toBeLessThan(10);
		for (const { kind, reason } of report.problems)
			expect({ kind, reason }).toEqual({
				kind: "damaged",
				reason: expect.stringMatching(/^[A-Z_]+$/),
			});
		for (const name of Object.keys(tree))
			if (lost.includes(name))
				expect(existsSync(join(target, name))).toBe(false);
			else
				expect(readFileSync(join(target, name))).toEqual(
					readFileSync(join(folder, name)),
				);
		expect(report.files).toBe(20 - lost.length);
	});

	test("never writes wrong bytes, whichever bit of a pack is flipped", async () => {
		const { folder, backend, repository, snapshot } = await damagedPlace({
			a: noise(1500, 1),
			b: "text ".repeat(200),
			c: { d: noise(700, 2) },
		});
		const packs = await backend.files("packs");
		for (const { name, size } of packs)
			for (let at = 0; at < size; at += 41) {
				backend.tamper("packs", name, flip(at, at % 8));
				const target = place.fresh("target");
				repository.objects.outdate();
				const reopened = await place.repository({
					location: backend,
					isThere: true,
				});
				const report = await restore(reopened, {
					snapshot,
					target,
					subpath: folder,
				}).catch((error: { name: string }) => error);
				if (!("problems" in report)) expect(report.name).toBe("CorruptError");
				if (existsSync(target))
					for (const path of pathsBelow(target))
						if (path !== "c")
							expect(readFileSync(join(target, path))).toEqual(
								readFileSync(join(folder, path)),
							);
				backend.heal();
			}
	}, 60_000);

	test("restores what other packs hold when a pack is gone", async () => {
		const { folder, backend, repository, snapshot } = await damagedPlace();
		await repository.objects.prepare();
		const id = chunkOf(repository, snapshot, "f3");
		backend.tamper("packs", placeOf(repository, id).pack, () => undefined);
		const reopened = await place.repository({
			location: backend,
			isThere: true,
		});
		const target = place.fresh("target");
		const report = await restore(reopened, {
			snapshot,
			target,
			subpath: folder,
		});
		const lost = report.problems.map(({ path }) =>
			path.slice(folder.length + 1),
		);
		expect(lost).toContain("f3");
		expect(report.problems[0]).toMatchObject({ reason: "MISSING_CHUNK" });
		expect(lost.length + report.files).toBe(20);
		expect(report.files).toBeGreaterThan(0);
	});

	test("reports a directory whose tree is damaged, and restores the others", async () => {
		const { folder, repository, snapshot } = await damagedPlace({
			a: { b: { c: "deep" }, x: "1" },
			z: { y: "2" },
		});
		await repository.objects.prepare();
		const { objects } = repository;
		const root = snapshot.record.roots[0]?.tree as TreeId;
		const inner = objects.lookup(root, utf8("a"))?.tree as TreeId;
		const hurt = objects.lookup(inner, utf8("b"))?.tree as TreeId;
		// A tree whose bytes say that they are something else.
		const read = objects.read.bind(objects);
		const broken = {
			...repository,
			objects: new Proxy(objects, {
				get: (target, name) =>
					name === "read"
						? (id: TreeId) => (id === hurt ? flip(0)(read(id)) : read(id))
						: Reflect.get(target, name).bind?.(target),
			}),
		};
		const target = place.fresh("target");
		const report = await restore(broken, { snapshot, target, subpath: folder });
		expect(pathsBelow(target)).toEqual(["a", "a/b", "a/x", "z", "z/y"]);
		expect(report.problems).toMatchObject([
			{ path: join(folder, "a/b"), kind: "damaged", reason: "MALFORMED" },
		]);
	});

	test("reports further names of a file that is lost", async () => {
		const { folder, backend, repository, snapshot } = await damagedPlace({
			a: noise(3000),
			b: hardlink("a"),
			c: "well",
		});
		await repository.objects.prepare();
		const { pack, offset } = placeOf(
			repository,
			chunkOf(repository, snapshot, "a"),
		);
		backend.tamper("packs", pack, flip(offset + 40));
		const target = place.fresh("target");
		const report = await restore(repository, {
			snapshot,
			target,
			subpath: folder,
		});
		expect(
			report.problems.map(({ path, kind }) => [path, kind]),
		).toContainEqual([join(folder, "b"), "damaged"]);
		expect(existsSync(join(target, "b"))).toBe(false);
	});
});

describe("restore of a crafted snapshot (T80)", () => {
	/** Bytes of a tree with one file, whose name is then replaced by another of the same length. */
	function crafted(name: string): Bytes {
		const stand = "N".repeat(name.length);
		const node = { ...blankNode(utf8(stand), NodeKind.file), mode: 0o644 };
		const bytes = Buffer.from(encodeTree([node]));
		bytes.write(name, bytes.indexOf(stand), "latin1");
		return new Uint8Array(bytes);
	}

	/** A chunk of content is as good as a tree if its bytes are: a snapshot that names it as its root is easily made. */
	async function craftedSnapshot(bytes: Bytes) {
		const folder = place.fresh("source");
		makeTree(folder, { "tree-bytes": bytes });
		const repository = await place.repository({
			parameters: {
				chunker: { algorithm: "gear1", min: 256, average: 1024, max: 4096 },
			},
		});
		const { id, record } = await takeSnapshot(repository, folder);
		const [root] = record.roots;
		if (root === undefined) throw new Error("no root");
		const tree = sha256Hex(bytes) as TreeId;
		const snapshot: Snapshot = {
			id: id as SnapshotId,
			record: { ...record, roots: [{ ...root, tree }], links: undefined },
			tags: [],
			pin: false,
			note: "",
			expires: undefined,
			forgotten: false,
		};
		return { folder, repository, snapshot };
	}

	test.each(["..", "a/b", "../x", "/etc", "a\0b", "."])(
		"refuses the name %j and writes nothing outside the target",
		async (name) => {
			const { folder, repository, snapshot } = await craftedSnapshot(
				crafted(name),
			);
			const parent = place.fresh("parent");
			const target = join(parent, "target");
			const report = await restore(repository, {
				snapshot,
				target,
				subpath: folder,
			});
			expect(pathsBelow(parent)).toEqual(["target"]);
			expect(report.problems).toMatchObject([{ kind: "damaged" }]);
		},
	);

	test("refuses a tree that names one entry twice", async () => {
		const node = (name: string) => ({
			...blankNode(utf8(name), NodeKind.symlink),
			target: utf8("/etc"),
		});
		const bytes = Buffer.from(encodeTree([node("aa"), node("bb")]));
		bytes.write("aa", bytes.indexOf("bb"), "latin1");
		const { folder, repository, snapshot } = await craftedSnapshot(
			new Uint8Array(bytes),
		);
		const target = place.fresh("target");
		const report = await restore(repository, {
			snapshot,
			target,
			subpath: folder,
		});
		expect(pathsBelow(target)).toEqual([]);
		expect(report.problems).toMatchObject([{ kind: "damaged" }]);
	});

	test("a chunk that is a tree is read whatever kind of frame it lies in", async () => {
		const { folder, repository, snapshot } = await craftedSnapshot(
			crafted("fine"),
		);
		const target = place.fresh("target");
		await restore(repository, { snapshot, target, subpath: folder });
		expect(pathsBelow(target)).toEqual(["fine"]);
	});
});
