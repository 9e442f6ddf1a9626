import {
	linkSync,
	readdirSync,
	readFileSync,
	renameSync,
	rmSync,
	writeFileSync,
} from "node:fs";
import { join } from "node:path";
import { PageBoundaries, type TreeId, utf8, wholeScope } from "@varve/format";
import { makeTree } from "@varve/testkit";
import { describe, expect, test } from "vitest";
import type { Repository } from "../../packages/core/src/repository.ts";
import type { SnapshotResult } from "../../packages/core/src/snapshot/options.ts";
import {
	createSourceFs,
	type SourceFs,
} from "../../packages/core/src/snapshot/source-fs.ts";
import { lateClock, take, treeOf, workplace } from "./snapshot-workplace.ts";

const place = workplace("detection");
const clock = lateClock;

function source(tree: Parameters<typeof makeTree>[1]): string {
	const folder = place.fresh("source");
	makeTree(folder, tree);
	return folder;
}

/** Every file below the first root, by path, with what it holds. */
async function filesOf(repository: Repository, result: SnapshotResult) {
	await repository.objects.prepare();
	const files: { [path: string]: string } = {};
	const visit = (tree: TreeId, path: string) => {
		for (const node of [...repository.objects.nodes(tree)]) {
			const name = path + Buffer.from(node.name).toString();
			if (node.tree !== undefined) visit(node.tree, `${name}/`);
			else
				files[name] = Buffer.concat(
					[...repository.objects.bytes(node.content)].map((b) =>
						Buffer.from(b),
					),
				).toString();
		}
	};
	visit(treeOf(result) as TreeId, "");
	return files;
}

/** The real one, with something that happens when the walk looks at an entry. */
function sourceFsThat(onLstat: (path: string) => void): SourceFs {
	const fs = createSourceFs();
	return {
		...fs,
		lstat(path) {
			const stat = fs.lstat(path);
			onLstat(path);
			return stat;
		},
	};
}

describe("snapshot", () => {
	test("of a paged directory that lost exactly one page no longer has its entries", async () => {
		const names = Array.from({ length: 4400 }, (_, i) => `n${i}`).sort();
		const folder = source({
			many: Object.fromEntries(names.map((n) => [n, ""])),
		});
		const boundaries = new PageBoundaries();
		const last = names.findIndex((name) => boundaries.endsAfter(utf8(name)));
		const removed = names.slice(0, last + 1);
		expect(names.length - removed.length).toBeGreaterThan(4096);
		const repository = await place.repository({ clock });
		await take(repository, folder);
		for (const name of removed) rmSync(join(folder, "many", name));
		const second = await take(repository, folder);
		const kept = Object.keys(await filesOf(repository, second));
		expect(kept).toHaveLength(readdirSync(join(folder, "many")).length);
		expect(second.record.statistics.files).toBe(kept.length);
	});

	test("keeps the other names of a file whose first name vanishes before it is read", async () => {
		const folder = source({ a: "shared", d: {} });
		linkSync(join(folder, "a"), join(folder, "d", "b"));
		linkSync(join(folder, "a"), join(folder, "d", "c"));
		const repository = await place.repository({ clock });
		const sourceFs = sourceFsThat((path) => {
			if (path === join(folder, "d", "c"))
				rmSync(join(folder, "a"), { force: true });
		});
		const result = await take(repository, folder, { sourceFs });
		expect(await filesOf(repository, result)).toEqual({
			"d/b": "shared",
			"d/c": "shared",
		});
		expect(result.record.links).toBeDefined();
		expect(result.record.statistics.files).toBe(2);
	});

	test("T60 leaves out a directory that vanishes after its parent was listed, and has it again when it is back", async () => {
		const folder = source({ a: { b: "beta" }, c: { d: "delta" } });
		const gone = (code: string): SourceFs => ({
			...createSourceFs(),
			readDirectory(path) {
				if (path === join(folder, "c/"))
					throw Object.assign(new Error(code), { code });
				return createSourceFs().readDirectory(path);
			},
		});
		const first = await place.repository({ clock });
		const whole = await take(first, folder);
		const { location, cacheFolder: cache } = first;
		await first.close();
		const repository = await place.repository({ clock, location, cache });
		const namesIn = async (result: SnapshotResult) => {
			await repository.objects.prepare();
			return [...repository.objects.nodes(treeOf(result) as TreeId)].map(
				({ name }) => Buffer.from(name).toString(),
			);
		};
		const vanished = await take(repository, folder, {
			sourceFs: gone("ENOENT"),
		});
		expect(vanished).toMatchObject({ vanished: 1, record: { unread: [] } });
		expect(await namesIn(vanished)).toEqual(["a"]);
		const back = await take(repository, folder);
		expect(treeOf(back)).toBe(treeOf(whole));
		const unread = await take(repository, folder, { sourceFs: gone("EACCES") });
		expect(unread).toMatchObject({
			vanished: 0,
			record: { unread: [{ path: join(folder, "c"), reason: "EACCES" }] },
		});
		expect(await namesIn(unread)).toEqual(["a", "c"]);
	});

	test("gives a file that is written to while it is read the time of that, though it had one of centuries ago", async () => {
		const folder = source({ old: "1", same: "2" });
		const fs = createSourceFs();
		const longAgo = -10_000_000_000n * 1_000_000_000n;
		const sourceFs: SourceFs = {
			...fs,
			lstat(path) {
				const stat = fs.lstat(path);
				if (stat !== undefined && path === join(folder, "old")) {
					stat.mtimeNs = longAgo;
					stat.ctimeNs -= 1n;
				}
				return stat;
			},
		};
		const repository = await place.repository({ clock });
		const result = await take(repository, folder, { sourceFs });
		const plain = await take(repository, folder, { force: true });
		expect(treeOf(result)).toBe(treeOf(plain));
	});

	test("gives the other names of a file their own content when the first name is replaced before it is read", async () => {
		const folder = source({ a: "old", d: {} });
		linkSync(join(folder, "a"), join(folder, "d", "b"));
		const repository = await place.repository({ clock });
		const sourceFs = sourceFsThat((path) => {
			if (path !== join(folder, "d", "b")) return;
			writeFileSync(join(folder, "new"), "new content");
			renameSync(join(folder, "new"), join(folder, "a"));
		});
		const result = await take(repository, folder, { sourceFs });
		expect(await filesOf(repository, result)).toEqual({
			a: "new content",
			"d/b": "old",
		});
		expect(result.record.links).toBeUndefined();
	});

	test("that stays on one file system does not inherit what lay on another from a snapshot that went there", async () => {
		const folder = source({ here: "1", mount: { there: "2" } });
		const fs = createSourceFs();
		const sourceFs: SourceFs = {
			...fs,
			lstat(path) {
				const stat = fs.lstat(path);
				if (stat !== undefined && path.startsWith(join(folder, "mount")))
					stat.dev += 1n;
				return stat;
			},
		};
		const repository = await place.repository({ clock });
		const first = await take(repository, folder, { sourceFs });
		expect(Object.keys(await filesOf(repository, first))).toEqual([
			"here",
			"mount/there",
		]);
		const scope = { ...wholeScope, oneFileSystem: true };
		const second = await take(repository, folder, { sourceFs, scope });
		expect(await filesOf(repository, second)).toEqual({ here: "1" });
		const third = await take(repository, folder, { sourceFs, scope });
		expect(treeOf(third)).toBe(treeOf(second));
	});
});

describe("a lost pack", () => {
	test("is not inherited from: what it held is read and stored again, and older snapshots heal", async () => {
		const folder = source({ "a.txt": "alpha", "b.txt": "beta" });
		const repository = await place.repository({ clock });
		const first = await take(repository, folder);
		const packs = join(repository.location, "packs");
		const content = readdirSync(packs, { recursive: true, withFileTypes: true })
			.filter((entry) => entry.isFile())
			.map((entry) => join(entry.parentPath, entry.name))
			.find((path) => readFileSync(path)[9] === 1);
		rmSync(content as string);
		writeFileSync(join(folder, "c.txt"), "gamma");
		const second = await take(repository, folder);
		const held = { "a.txt": "alpha", "b.txt": "beta" };
		expect(await filesOf(repository, second)).toEqual({
			...held,
			"c.txt": "gamma",
		});
		expect(await filesOf(repository, first)).toEqual(held);
		expect(repository.events).toContainEqual({
			type: "warning",
			message: expect.stringContaining("1 packs are missing"),
		});
	});
});
