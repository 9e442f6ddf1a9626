import { appendFileSync, lstatSync, renameSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import {
	type ChunkId,
	decodeBirths,
	decodeName,
	decodeScanPiece,
	isBirths,
	type ScanBlock,
} from "@varve/format";
import { makeTree, symlink } from "@varve/testkit";
import { describe, expect, test } from "vitest";
import type { Repository } from "../../packages/core/src/repository.ts";
import type { SnapshotResult } from "../../packages/core/src/snapshot/options.ts";
import {
	createSourceFs,
	type SourceFs,
} from "../../packages/core/src/snapshot/source-fs.ts";
import { lateClock, take, treeOf, workplace } from "./snapshot-workplace.ts";

const place = workplace("births");
const clock = lateClock;

/** Birth times by path, as the snapshot has them. */
async function birthsOf(
	repository: Repository,
	{ record }: SnapshotResult,
): Promise<Map<string, bigint>> {
	await repository.objects.prepare();
	const pieces = [...repository.objects.pieces(record.scan as ChunkId)].map(
		(piece) => piece.slice(),
	);
	const scan = pieces.filter((piece) => !isBirths(piece));
	const births = pieces.slice(scan.length);
	expect(births.every(isBirths)).toBe(true);
	expect(births).toHaveLength(scan.length);
	const found = new Map<string, bigint>();
	scan.forEach((piece, i) => {
		const paths = [...decodeScanPiece(piece)].flatMap(pathsOf);
		const times = decodeBirths(births[i] as Uint8Array<ArrayBuffer>);
		expect(times).toHaveLength(paths.length);
		paths.forEach((path, at) => {
			found.set(path, times[at] as bigint);
		});
	});
	return found;
}

function pathsOf({ path, names, count }: ScanBlock): string[] {
	if (count === 0) return [];
	const above = path.length === 0 ? "" : `${decodeName(path)}/`;
	return decodeName(names)
		.split("\0")
		.map((name) => above + name);
}

const birthOf = (path: string) => lstatSync(path, { bigint: true }).birthtimeNs;

function expected(folder: string, paths: Iterable<string>) {
	return new Map([...paths].map((path) => [path, birthOf(join(folder, path))]));
}

function source(): string {
	const folder = place.fresh("source");
	const many = Object.fromEntries(
		Array.from({ length: 5000 }, (_, i) => [`n${i}`, ""]),
	);
	makeTree(folder, {
		file: "content",
		link: symlink("file"),
		empty: {},
		sub: { deep: { down: "here" }, large: many },
	});
	return folder;
}

describe("birth times", () => {
	for (const native of [true, false])
		test(`of every entry are kept beside the trees, ${native ? "by statx" : "by Node's own calls"}`, async () => {
			const folder = source();
			const repository = await place.repository({ clock });
			const sourceFs = native ? undefined : createSourceFs();
			const result = await take(repository, folder, { sourceFs });
			const births = await birthsOf(repository, result);
			expect(births.size).toBe(5007);
			expect(births).toEqual(expected(folder, births.keys()));
		});

	test("are no part of a tree: the same directory born anew has the same", async () => {
		const folder = place.fresh("source");
		makeTree(folder, { a: { b: "1" } });
		const repository = await place.repository({ clock });
		const first = await take(repository, folder);
		renameSync(folder, `${folder}-old`);
		makeTree(folder, { a: { b: "1" } });
		const second = await take(repository, folder);
		expect(treeOf(second)).toBe(treeOf(first));
		const births = await birthsOf(repository, second);
		expect(births).toEqual(expected(folder, births.keys()));
	});

	test("of what has not changed cost nothing, with and without the client's cache", async () => {
		const folder = source();
		const repository = await place.repository({ clock });
		const first = await take(repository, folder);
		for (const cache of [repository.cacheFolder, place.fresh("cache")]) {
			const { location } = repository;
			const again = await take(
				await place.repository({ clock, location, cache }),
				folder,
			);
			expect(again.record.scan).toBe(first.record.scan);
			expect(again.record.statistics.bytesStored).toBe(0);
		}
	});

	test("are right after a change, and where another file takes the place of one while it is read", async () => {
		const folder = source();
		const repository = await place.repository({ clock });
		await take(repository, folder);
		appendFileSync(join(folder, "file"), "more");
		writeFileSync(join(folder, "sub/new"), "new");
		const real = createSourceFs();
		const path = join(folder, "sub/deep/down");
		const sourceFs: SourceFs = {
			...real,
			lstat(found) {
				const stat = real.lstat(found);
				if (found === path) {
					writeFileSync(`${path}.other`, "other");
					renameSync(`${path}.other`, path);
				}
				return stat;
			},
		};
		writeFileSync(path, "changed");
		const result = await take(repository, folder, { sourceFs });
		const births = await birthsOf(repository, result);
		expect(births).toEqual(expected(folder, births.keys()));
	});
});
