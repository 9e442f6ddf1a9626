import {
	chmodSync,
	mkdirSync,
	readdirSync,
	rmSync,
	statSync,
	truncateSync,
	utimesSync,
	writeFileSync,
} from "node:fs";
import { join } from "node:path";
import type { TreeId } from "@varve/format";
import { hardlink, makeTree, symlink } from "@varve/testkit";
import { describe, expect, test } from "vitest";
import { forget } from "../../packages/core/src/forget/forget.ts";
import { planByHand } from "../../packages/core/src/forget/plan.ts";
import { listSnapshots } from "../../packages/core/src/query/list-snapshots.ts";
import type { Repository } from "../../packages/core/src/repository.ts";
import type { SnapshotResult } from "../../packages/core/src/snapshot/options.ts";
import {
	createSourceFs,
	type SourceFs,
} from "../../packages/core/src/snapshot/source-fs.ts";
import { lateClock, take, treeOf, workplace } from "./snapshot-workplace.ts";

const place = workplace("snapshot");
const clock = lateClock;

const small = {
	"a.txt": "alpha",
	empty: "",
	sub: { "b.txt": "beta", deep: { "c.txt": "gamma" } },
	void: {},
	link: symlink("a.txt"),
	"z.txt": hardlink("a.txt"),
};

function source(tree = small as Parameters<typeof makeTree>[1]): string {
	const folder = place.fresh("source");
	makeTree(folder, tree);
	return folder;
}

/** Bytes of the file at a path below the first root. */
async function contentAt(
	repository: Repository,
	root: string,
	path: string,
): Promise<string> {
	await repository.objects.prepare();
	let tree = root as Parameters<Repository["objects"]["lookup"]>[0];
	const names = path.split("/");
	for (const [i, name] of names.entries()) {
		const node = repository.objects.lookup(
			tree,
			new TextEncoder().encode(name),
		);
		if (node === undefined) return `no ${name}`;
		if (i === names.length - 1)
			return Buffer.concat(
				[...repository.objects.bytes(node.content)].map((b) => Buffer.from(b)),
			).toString();
		tree = node.tree as typeof tree;
	}
	return "";
}

/** The nodes of a result's tree. */
async function nodesOf(repository: Repository, result: SnapshotResult) {
	await repository.objects.prepare();
	return [...repository.objects.nodes(treeOf(result) as TreeId)];
}

describe("snapshot", () => {
	test("keeps what the files hold, and names the tree by it", async () => {
		const folder = source();
		const repository = await place.repository({ clock });
		const first = await take(repository, folder);
		expect(first.record.statistics).toMatchObject({
			files: 5,
			directories: 4,
			symlinks: 1,
			bytes: 19,
			filesNew: 5,
			chunksAdded: 3,
		});
		expect(
			await contentAt(repository, treeOf(first) as string, "sub/deep/c.txt"),
		).toBe("gamma");
		expect(await contentAt(repository, treeOf(first) as string, "z.txt")).toBe(
			"alpha",
		);
	});

	test("of unchanged files stores nothing and has the same tree", async () => {
		const folder = source();
		const repository = await place.repository({ clock });
		const first = await take(repository, folder);
		const second = await take(repository, folder);
		expect(treeOf(second)).toBe(treeOf(first));
		expect(second.record.statistics).toMatchObject({
			filesUnmodified: 5,
			directoriesUnmodified: 4,
			chunksAdded: 0,
			bytesStored: 0,
		});
		expect(second.record).toMatchObject({
			parent: first.id,
			links: first.record.links,
			scan: first.record.scan,
		});
	});

	test("in threads and in this thread gives the same trees", async () => {
		const many = Object.fromEntries(
			Array.from({ length: 900 }, (_, i) => [`f${i}`, `content of ${i % 700}`]),
		);
		const folder = source({ many, ...small });
		const inline = await take(await place.repository({ clock }), folder);
		const threads = await take(
			await place.repository({ clock, workers: 2 }),
			folder,
		);
		expect(treeOf(threads)).toBe(treeOf(inline));
		expect(threads.record.statistics.chunksAdded).toBe(703);
	});

	test("of a directory without entries can be taken and has the empty tree", async () => {
		const repository = await place.repository({ clock });
		const result = await take(repository, source({}));
		expect(result.id).toBeDefined();
		expect(await nodesOf(repository, result)).toEqual([]);
	});

	test("without the client's cache, or with an old one, gives the same answers", async () => {
		const folder = source();
		const repository = await place.repository({ clock });
		await take(repository, folder);
		writeFileSync(join(folder, "a.txt"), "other");
		const changed = await take(repository, folder);
		const { location } = repository;
		for (const cache of [place.fresh("no-cache"), repository.cacheFolder]) {
			const again = await place.repository({ clock, location, cache });
			const result = await take(again, folder);
			expect(treeOf(result)).toBe(treeOf(changed));
			expect(result.record.statistics).toMatchObject({
				filesUnmodified: 5,
				chunksAdded: 0,
				bytesStored: 0,
			});
		}
	});

	test("whose parent's trees are damaged reads everything again, and so heals", async () => {
		const folder = source();
		const repository = await place.repository({ clock });
		const first = await take(repository, folder);
		const packs = join(repository.location, "packs");
		for (const entry of readdirSync(packs, {
			recursive: true,
			withFileTypes: true,
		}))
			if (entry.isFile()) rmSync(join(entry.parentPath, entry.name));
		writeFileSync(join(folder, "sub", "b.txt"), "BETA");
		const again = await place.repository({
			clock,
			location: repository.location,
			cache: place.fresh("cache"),
		});
		const second = await take(again, folder);
		expect(second.record.parent).toBeUndefined();
		expect(await contentAt(again, treeOf(second) as string, "sub/b.txt")).toBe(
			"BETA",
		);
		expect(await contentAt(again, treeOf(second) as string, "a.txt")).toBe(
			"alpha",
		);
		expect(
			again.events.some(
				(e) => e.type === "warning" && e.message.includes("parent"),
			),
		).toBe(true);
		expect(first.id).not.toBe(second.id);
	});

	test("that is read back, and hashed twice, is the same snapshot", async () => {
		const folder = source();
		const plain = await take(await place.repository({ clock }), folder);
		const repository = await place.repository({ clock });
		const checked = await take(repository, folder, {
			verify: true,
			paranoid: true,
		});
		expect(treeOf(checked)).toBe(treeOf(plain));
	});

	test("that is only tried writes nothing", async () => {
		const folder = source();
		const repository = await place.repository({ clock });
		const before = readdirSync(repository.location, { recursive: true });
		const result = await take(repository, folder, { dryRun: true });
		expect(result).toMatchObject({
			id: undefined,
			record: { statistics: { filesNew: 5, chunksAdded: 3, bytesAdded: 14 } },
		});
		expect(readdirSync(repository.location, { recursive: true })).toEqual(
			before,
		);
	});

	test("is left out on demand where nothing changed", async () => {
		const folder = source();
		const repository = await place.repository({ clock });
		await take(repository, folder);
		expect(
			await take(repository, folder, { skipIfUnchanged: true }),
		).toMatchObject({ id: undefined, skipped: true });
		chmodSync(join(folder, "a.txt"), 0o600);
		expect(
			await take(repository, folder, { skipIfUnchanged: true }),
		).toMatchObject({ skipped: false });
	});

	test("is taken where nothing changed since one that is forgotten", async () => {
		const folder = source();
		const repository = await place.repository({ clock });
		await take(repository, folder);
		const [first] = await listSnapshots(repository);
		await forget(repository, planByHand(first === undefined ? [] : [first]));
		expect(
			await take(repository, folder, { skipIfUnchanged: true }),
		).toMatchObject({ skipped: false });
		expect(
			await take(repository, folder, { skipIfUnchanged: true }),
		).toMatchObject({ skipped: true });
	});

	test("that is aborted leaves no record and no stage", async () => {
		const repository = await place.repository({ clock });
		const aborted = AbortSignal.abort(new Error("enough"));
		await expect(
			take(repository, source(), { signal: aborted }),
		).rejects.toThrow("enough");
		for (const kind of ["snapshots", "leases", "tmp"])
			expect(readdirSync(join(repository.location, kind))).toEqual([]);
	});

	test("of a directory of 5,000 entries rewrites one page for one change", async () => {
		const folder = source(
			Object.fromEntries(
				Array.from({ length: 5000 }, (_, i) => [`entry-${i}`, ""]),
			),
		);
		const repository = await place.repository({ clock });
		const first = await take(repository, folder);
		writeFileSync(join(folder, "entry-77"), "");
		utimesSync(join(folder, "entry-77"), 1, 1);
		const second = await take(repository, folder);
		expect(treeOf(second)).not.toBe(treeOf(first));
		expect(second.record.statistics.bytesStored).toBeLessThan(
			first.record.statistics.bytesStored / 2,
		);
		const names = (await nodesOf(repository, second)).map(
			(node) => node.name.length,
		);
		expect(names).toHaveLength(5000);
	});

	test("of a large file is the same from spans, from threads and from a stream, and knows its holes", async () => {
		const folder = place.fresh("source");
		mkdirSync(folder);
		const path = join(folder, "big");
		const head = Buffer.alloc(300_000, "varve and varve ");
		writeFileSync(path, head);
		truncateSync(path, 150 * 1024 * 1024);
		const inline = await take(await place.repository({ clock }), folder);
		const repository = await place.repository({ clock, workers: 2 });
		const threads = await take(repository, folder);
		expect(treeOf(threads)).toBe(treeOf(inline));
		const [node] = await nodesOf(repository, threads);
		expect(node).toMatchObject({ holes: true });
		async function* stream() {
			yield head;
			for (
				let left = 150 * 1024 * 1024 - head.length;
				left > 0;
				left -= 1_000_000
			)
				yield Buffer.alloc(Math.min(left, 1_000_000));
		}
		const kept = await take(repository, folder, {
			roots: [],
			stream: { name: "big", bytes: stream(), done: Promise.resolve() },
		});
		const [streamed] = await nodesOf(repository, kept);
		expect(streamed?.content).toEqual(node?.content);
	});

	test("T44 of a large file with holes and many chunks says that it has holes", async () => {
		const folder = place.fresh("source");
		mkdirSync(folder);
		const path = join(folder, "image");
		const noise = Buffer.alloc(4 * 1024 * 1024);
		for (let i = 0; i < noise.length; i += 4)
			noise.writeUInt32LE(Math.imul(i + 1, 2654435761) >>> 0, i);
		writeFileSync(path, noise);
		truncateSync(path, 70 * 1024 * 1024);
		const repository = await place.repository({ clock });
		const result = await take(repository, folder);
		const [node] = await nodesOf(repository, result);
		expect(node).toMatchObject({ holes: true });
		expect(node?.content.kinds).toEqual([2, 0]);
	});

	test("of a stream whose producer fails is not made", async () => {
		const repository = await place.repository({ clock });
		async function* bytes() {
			yield Buffer.from("half a dump");
		}
		const stream = {
			name: "dump.sql",
			bytes: bytes(),
			done: Promise.reject(new Error("exit code 1")),
		};
		await expect(take(repository, "/", { roots: [], stream })).rejects.toThrow(
			"exit code 1",
		);
		expect(readdirSync(join(repository.location, "snapshots"))).toEqual([]);
	});
});

describe("what changes under the walk", () => {
	const over = (fs: Partial<SourceFs>): SourceFs => ({
		...createSourceFs(),
		...fs,
	});
	const plain = createSourceFs();

	test("T60 entries that vanish between the steps are counted and are no error", async () => {
		const folder = source();
		const ghost = plain.lstat(join(folder, "sub", "b.txt"));
		const sourceFs = over({
			readDirectory: (path) => [
				...plain.readDirectory(path),
				"~gone",
				"~ghost",
			],
			lstat: (path) => (path.endsWith("~ghost") ? ghost : plain.lstat(path)),
		});
		const result = await take(await place.repository({ clock }), folder, {
			sourceFs,
		});
		expect(result).toMatchObject({
			vanished: 8,
			record: { unread: [], statistics: { files: 5 } },
		});
		expect(treeOf(result)).toBe(
			treeOf(await take(await place.repository({ clock }), folder)),
		);
	});

	test("T62 a file rewritten with its size and mtime kept is stored again", async () => {
		const folder = source();
		const repository = await place.repository({ clock });
		await take(repository, folder);
		const path = join(folder, "sub", "b.txt");
		const { atime, mtime } = statSync(path);
		writeFileSync(path, "BETA");
		utimesSync(path, atime, mtime);
		const second = await take(repository, folder);
		expect(
			await contentAt(repository, treeOf(second) as string, "sub/b.txt"),
		).toBe("BETA");
	});

	test("T62 what changed just before a snapshot is read again by the next one", async () => {
		const folder = source();
		const repository = await place.repository();
		await take(repository, folder);
		repository.events.length = 0;
		const second = await take(repository, folder);
		expect(repository.events).toContainEqual({
			type: "trace",
			message: "files are read by this thread",
		});
		expect(second.record.statistics).toMatchObject({
			filesChanged: 0,
			filesUnmodified: 5,
			chunksAdded: 0,
		});
	});

	test("T63 a change of mode alone is in the next snapshot, and stores no content", async () => {
		const folder = source();
		const repository = await place.repository({ clock });
		const first = await take(repository, folder);
		chmodSync(join(folder, "sub", "b.txt"), 0o640);
		const second = await take(repository, folder);
		expect(second.record.statistics).toMatchObject({ chunksAdded: 0 });
		expect(treeOf(second)).not.toBe(treeOf(first));
	});

	test("T65 an entry or a directory that cannot be read leaves its siblings alone and stands in the record", async () => {
		const folder = source();
		const fail = (code: string) => Object.assign(new Error(code), { code });
		const sourceFs = over({
			readDirectory(path) {
				if (path.endsWith("/deep/")) throw fail("EIO");
				return plain.readDirectory(path);
			},
			lstat(path) {
				if (path.endsWith("b.txt")) throw fail("EACCES");
				return plain.lstat(path);
			},
		});
		const repository = await place.repository({ clock });
		const result = await take(repository, folder, { sourceFs });
		expect(result.record.unread).toEqual([
			{ path: join(folder, "sub", "b.txt"), reason: "EACCES" },
			{ path: join(folder, "sub", "deep"), reason: "EIO" },
		]);
		expect(await contentAt(repository, treeOf(result) as string, "a.txt")).toBe(
			"alpha",
		);
		const healed = await take(repository, folder);
		expect(healed.record.unread).toEqual([]);
		expect(
			await contentAt(repository, treeOf(healed) as string, "sub/deep/c.txt"),
		).toBe("gamma");
	});

	test("T64 a FIFO in the place of a file neither blocks nor is stored", async () => {
		const { execFileSync } = await import("node:child_process");
		const folder = source();
		const regular = plain.lstat(join(folder, "sub", "b.txt"));
		execFileSync("mkfifo", [join(folder, "pipe"), join(folder, "swapped")]);
		const sourceFs = over({
			lstat: (path) => (path.endsWith("swapped") ? regular : plain.lstat(path)),
		});
		const repository = await place.repository({ clock });
		const result = await take(repository, folder, { sourceFs });
		expect(result.record.unread).toEqual([
			{ path: join(folder, "swapped"), reason: "CHANGED" },
		]);
		const kinds = (await nodesOf(repository, result)).map(({ name, kind }) => [
			new TextDecoder().decode(name),
			kind,
		]);
		expect(kinds).toContainEqual(["pipe", 4]);
	});

	test("T66 names of any bytes are kept as they are", async () => {
		const folder = place.fresh("source");
		mkdirSync(folder);
		const names: Buffer[] = [];
		for (let byte = 1; byte < 256; byte++)
			if (byte !== 0x2f && byte !== 0x2e) names.push(Buffer.from([byte]));
		names.push(
			Buffer.from([0xed, 0xa0, 0x80]),
			Buffer.from("e\u0301"),
			Buffer.from("\u00e9"),
			Buffer.alloc(255, 0x78),
		);
		for (const name of names)
			writeFileSync(Buffer.concat([Buffer.from(`${folder}/`), name]), "x");
		const repository = await place.repository({ clock });
		const result = await take(repository, folder);
		const kept = (await nodesOf(repository, result)).map((node) =>
			Buffer.from(node.name).toString("hex"),
		);
		expect(kept).toEqual(names.map((name) => name.toString("hex")).sort());
		expect(treeOf(await take(repository, folder))).toBe(treeOf(result));
	});
});
