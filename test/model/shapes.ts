import { writeFileSync } from "node:fs";
import { join } from "node:path";
import type { SnapshotId } from "@varve/format";
import type { Shape } from "./explore.ts";
import type { Program } from "./process.ts";
import {
	begin,
	collector,
	collectorTwice,
	fill,
	folder,
	folderWriter,
	forgetAll,
	forgetter,
	noise,
	passerby,
	pinner,
	planIn,
	reader,
	smallBytes,
	takeFolder,
	takeStream,
	unforgetter,
	writer,
} from "./programs.ts";

/** Streams by content, in this order; those of `forgotten` are forgotten. */
async function streams(contents: string, forgotten: string) {
	const ids = new Map<string, SnapshotId>();
	const files = await begin(async (repository) => {
		for (const one of contents)
			ids.set(one, (await takeStream(repository, one)).id as SnapshotId);
		const gone = [...forgotten].map((one) => ids.get(one) as SnapshotId);
		if (gone.length > 0) await forgetAll(repository, gone);
	});
	const idOf = (content: string) => ids.get(content) as SnapshotId;
	return { files, idOf };
}

/** A folder of which a snapshot was taken and forgotten, and a file changed since. */
async function changedFolder(name: string) {
	fill(name, { "keep/a": "a", b: "b" });
	let id: SnapshotId | undefined;
	const files = await begin(async (repository) => {
		id = (await takeFolder(repository, name)).id;
		await forgetAll(repository, [id as string]);
	});
	writeFileSync(join(folder, name, "b"), noise("b2", smallBytes));
	return { files, id: id as SnapshotId };
}

/** Packs in which only a part is live: one snapshot of three files is forgotten, another has one of them. */
async function mixedPacks(name: string) {
	fill(`${name}-three`, { a: "a", b: "b", c: "c" });
	fill(`${name}-one`, { a: "a" });
	fill(`${name}-two`, { b: "b", x: "a" });
	let kept: SnapshotId | undefined;
	const files = await begin(async (repository) => {
		const three = await takeFolder(repository, `${name}-three`);
		kept = (await takeFolder(repository, `${name}-one`)).id;
		await forgetAll(repository, [three.id as string]);
	});
	return { files, kept: kept as SnapshotId };
}

/** Durable packs of a run that was killed before it could name them. */
async function orphans() {
	const { files } = await streams("ab", "");
	const first = await streams("a", "");
	const kinds = [
		"segments",
		"snapshots",
		"copies/packs",
		"copies/snapshots",
	] as const;
	return new Map([
		...files,
		...kinds.map((kind) => [kind, new Map(first.files.get(kind))] as const),
	]);
}

export async function makeShapes() {
	const gone = await streams("a", "a");
	const two = await streams("ab", "");
	const pinned = await streams("a", "");
	const parent = await changedFolder("inherit");
	const mixed = await mixedPacks("repack");
	const left = await orphans();
	const planOfTwo = await planIn(two.files, [two.idOf("a")]);
	const planOfPinned = await planIn(pinned.files, [pinned.idOf("a")]);
	const planOfMixed = await planIn(mixed.files, [mixed.kept]);
	const shape = (
		files: Shape["files"],
		programs: readonly Program[],
		more: Partial<Shape> = {},
	): Shape => ({ files, programs, ...more });
	return {
		/** What a forgotten snapshot alone needs is stored again just now. */
		dedup: shape(gone.files, [writer("W", "a"), collector("G", 500)]),
		/** The snapshot that a new one inherits from is forgotten. */
		inherit: shape(parent.files, [
			folderWriter("W", "inherit"),
			collector("G", 500),
		]),
		/** The same by a parent that is forgotten only now. */
		forget: shape(two.files, [
			writer("W", "a"),
			forgetter("F", planOfTwo),
			collector("G", 500),
		]),
		unforget: shape(gone.files, [
			unforgetter("U", [gone.idOf("a")]),
			collector("G", 500),
		]),
		unforgetAgain: shape(gone.files, [
			unforgetter("U", [gone.idOf("a")]),
			collector("G"),
			collector("H"),
		]),
		collectors: shape(gone.files, [collector("G"), collector("H")]),
		collectorsAndWriter: shape(gone.files, [
			collector("G"),
			collector("H"),
			writer("W", "a"),
		]),
		/** One gc goes on with what another had to leave, while others work who came since. */
		relay: shape(
			gone.files,
			[collectorTwice("G"), writer("W", "a"), writer("V", "a")],
			{ coarse: true },
		),
		crash: shape(gone.files, [writer("W", "a"), collector("G", 500)], {
			faults: 1,
			coarse: true,
		}),
		crashInherit: shape(
			parent.files,
			[folderWriter("W", "inherit"), collector("G", 500)],
			{ faults: 1 },
		),
		crashCollectors: shape(gone.files, [collector("G"), collector("H")], {
			faults: 1,
		}),
		crashRepack: shape(
			mixed.files,
			[collector("G"), folderWriter("W", "repack-two")],
			{ faults: 1 },
		),
		adopt: shape(left, [writer("W", "b"), collector("G", 500)]),
		adoptTwice: shape(
			left,
			[writer("W", "b"), writer("V", "b"), collector("G", 500)],
			{ faults: 1 },
		),
		/** Of one who is killed there may be packs that are not durable, and another one finds them. */
		late: shape(two.files, [writer("W", "c"), writer("V", "c")], {
			...{ faults: 1, late: true, coarse: true },
		}),
		lateRepack: shape(
			mixed.files,
			[collector("G"), collector("H"), folderWriter("W", "repack-two")],
			{ faults: 1, late: true, coarse: true },
		),
		lateCollectors: shape(gone.files, [collector("G"), collector("H")], {
			...{ faults: 1, late: true },
		}),
		torn: shape(gone.files, [writer("W", "a"), collector("G", 500)], {
			torn: true,
			coarse: true,
		}),
		repack: shape(mixed.files, [
			folderWriter("W", "repack-two"),
			collector("G", 500),
		]),
		read: shape(mixed.files, [reader("R", mixed.kept), collector("G", 500)]),
		readUnleased: shape(mixed.files, [
			passerby("R", mixed.kept),
			collector("G"),
		]),
		readNew: shape(gone.files, [
			unforgetter("U", [gone.idOf("a")]),
			collector("G"),
			reader("R", gone.idOf("a")),
		]),
		pin: shape(pinned.files, [
			pinner("P", [pinned.idOf("a")]),
			forgetter("F", planOfPinned),
			collector("G", 500),
		]),
		/** All at once. */
		crowd: shape(
			two.files,
			[
				writer("W", "a"),
				writer("V", "a"),
				writer("X", "b"),
				forgetter("F", planOfTwo),
				unforgetter("U", [two.idOf("a")]),
				collector("G", 500),
				collector("H"),
				reader("R", two.idOf("b")),
			],
			{ faults: 2, torn: true, coarse: true },
		),
		crowdOfFolders: shape(
			mixed.files,
			[
				folderWriter("W", "repack-two"),
				folderWriter("V", "repack-three"),
				folderWriter("X", "repack-one"),
				forgetter("F", planOfMixed),
				collector("G", 500),
				collector("H"),
				reader("R", mixed.kept),
			],
			{ faults: 2, coarse: true },
		),
	};
}
