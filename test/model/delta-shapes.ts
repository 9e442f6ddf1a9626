import { mkdirSync, utimesSync, writeFileSync } from "node:fs";
import { dirname, join } from "node:path";
import type { SnapshotId } from "@varve/format";
import type { Shape } from "./explore.ts";
import type { Program } from "./process.ts";
import {
	begin,
	collector,
	folder,
	folderWriter,
	forgetAll,
	forgetter,
	noise,
	passerby,
	planIn,
	reader,
	restorer,
	smallBytes,
	snapshotIn,
	takeFolder,
	unforgetter,
} from "./programs.ts";
import { copyOf, now } from "./repository.ts";
import { World } from "./world.ts";

/** What is in a folder, by path. */
type State = Readonly<Record<string, Uint8Array>>;
/** A folder, and what is in it from now on. */
type Change = readonly [folder: string, state: State];

interface Past {
	/** A snapshot of the folder after each of these. */
	readonly taken: readonly Change[];
	/** Those of them that are forgotten. */
	readonly forgotten: readonly number[];
	/** What has changed since. */
	readonly since: readonly Change[];
}

const hour = 3_600_000;
/** Its base takes so much that gc makes the difference anew without it. */
const small = smallBytes;
/** Its base saves more than it takes. */
const long = 2000;

/** A version of a file: another one has other bytes in one place, the first one everywhere it has none of these. */
function version(number: number, length = small): Uint8Array {
	const bytes = noise("version", length);
	if (number > 1)
		bytes.set(noise(`change ${number}`, changedBytes), 30 * number);
	return bytes;
}

const changedBytes = 16;
const other = (name: string) => noise(name, small);

/** Little files that stay as they are. */
function many(): State {
	const names = Array.from({ length: 12 }, (_, i) => `file-${i}`);
	return Object.fromEntries(names.map((name) => [name, noise(name, 8)]));
}

/** Lines that get smaller, and more so beside each other. */
function text(name: string): Uint8Array {
	const word = (i: number) =>
		Buffer.from(noise(`${name} ${i >> 2}`, 12)).toString("base64");
	const lines = Array.from({ length: 100 }, (_, i) => `line ${i}: ${word(i)}`);
	return Buffer.from(lines.join("\n").slice(0, long));
}

/** Later than every time before, so that each write shows. */
let written = 1_700_000_000;

function write([name, state]: Change): void {
	for (const [path, bytes] of Object.entries(state)) {
		const full = join(folder, name, path);
		mkdirSync(dirname(full), { recursive: true });
		writeFileSync(full, bytes);
		utimesSync(full, ++written, written);
	}
}

async function history({ taken, forgotten, since }: Past) {
	const ids: SnapshotId[] = [];
	const files = await begin(async (repository) => {
		for (const [i, change] of taken.entries()) {
			write(change);
			const time = now - (taken.length - i) * hour;
			const { id } = await takeFolder(repository, change[0], time);
			ids.push(id as SnapshotId);
		}
		const gone = forgotten.map((i) => ids[i] as SnapshotId);
		if (gone.length > 0) await forgetAll(repository, gone);
	});
	for (const change of since) write(change);
	const idOf = (i: number) => ids[i] as SnapshotId;
	return { files, idOf };
}

/** What is there when a gc was killed as soon as it had condemned, and has been fenced. */
async function condemned({ files }: Pick<Shape, "files">) {
	const world = await World.start({ files, programs: [collector("killed")] });
	const gc = world.find("killed");
	while (!world.log.some(({ verb, kind }) => verb === "put" && kind === "gc"))
		await world.go(gc);
	const left = new Map(await copyOf(world.inner));
	left.delete("leases");
	return { files: left };
}

/** Two versions of a file, the second beside the first, which is forgotten; and what is there now. */
function twoVersions(name: string, now: State, length = small) {
	return history({
		taken: [
			[name, { f: version(1, length), b: other("b") }],
			[name, { f: version(2, length) }],
		],
		forgotten: [0],
		since: [[name, now]],
	});
}

/** Changed files are stored beside what they were before. */
export async function makeDeltaShapes() {
	const beside = await history({
		taken: [["beside", { f: version(1) }]],
		forgotten: [0],
		since: [["beside", { f: version(2) }]],
	});
	const third = await twoVersions("third", { f: version(3) });
	const tall = await twoVersions("tall", { f: version(3, long) }, long);
	const back = await twoVersions("back", { f: version(1) });
	const heir = await history({
		taken: [
			["heir", { f: version(1), b: other("b") }],
			["heir", { f: version(2) }],
		],
		forgotten: [0, 1],
		since: [["heir", { b: other("b2") }]],
	});
	const old = await history({
		taken: [
			[
				"old",
				Object.fromEntries(
					Array.from({ length: 8 }, (_, i) => [`t${i}`, text(`t${i}`)]),
				),
			],
		],
		forgotten: [],
		since: [["old", { t1: withChange(text("t1")) }]],
	});
	const crowd = await history({
		taken: [
			["crowd", { f: version(1), b: other("b") }],
			["crowd", { f: version(2) }],
			["crowd-heir", { f: version(1), c: other("c") }],
			["crowd-heir", { f: version(2) }],
			["crowd-back", { f: version(2) }],
		],
		forgotten: [0, 2],
		since: [
			["crowd", { f: version(3) }],
			["crowd-heir", { c: other("c2") }],
			["crowd-back", { f: version(1) }],
		],
	});
	const wide = await history({
		taken: [
			["wide", { ...many(), f: version(1) }],
			["wide", { f: version(2) }],
		],
		forgotten: [0],
		since: [["wide", { f: version(3) }]],
	});
	const one = await snapshotIn(third.files, third.idOf(1));
	const pending = await condemned(third);
	const planOfCrowd = await planIn(crowd.files, [crowd.idOf(1)]);
	const shape = (
		{ files }: Pick<Shape, "files">,
		programs: readonly Program[],
		more: Partial<Shape> = {},
	): Shape => ({ files, programs, tasks: true, coarse: true, ...more });
	return {
		/** A changed file is stored beside what only a forgotten snapshot needs. */
		delta: shape(beside, [folderWriter("W", "beside"), collector("G", 500)]),
		/** Another version beside the same base, of which gc makes a former one independent. */
		deltaAgain: shape(third, [folderWriter("W", "third"), collector("G", 500)]),
		/** The same where gc keeps the base. */
		deltaKept: shape(tall, [folderWriter("W", "tall"), collector("G", 500)]),
		/** A forgotten snapshot that a new one inherits a difference from. */
		deltaInherit: shape(heir, [folderWriter("W", "heir"), collector("G", 500)]),
		/** What was a base is a file again, perhaps beside what was made with it. */
		deltaBack: shape(back, [folderWriter("W", "back"), collector("G", 500)]),
		deltaBackLater: shape(back, [
			folderWriter("W", "back"),
			collector("G"),
			collector("H"),
		]),
		/** A gc has made it independent, has condemned the base, and was killed. */
		deltaPending: shape(pending, [
			folderWriter("W", "third"),
			collector("G", 500),
		]),
		deltaTorn: shape(third, [folderWriter("W", "third"), collector("G", 500)], {
			torn: true,
		}),
		deltaRead: shape(third, [reader("R", third.idOf(1)), collector("G", 500)]),
		deltaRestore: shape(third, [restorer("R", one), collector("G", 500)], {
			faults: 1,
		}),
		/** Trees and scan states long enough that another version of one may be stored beside it. */
		deltaTrees: shape(wide, [folderWriter("W", "wide"), collector("G", 500)]),
		deltaReadUnleased: shape(third, [
			passerby("R", third.idOf(1)),
			collector("G"),
		]),
		deltaCollectors: shape(third, [collector("G"), collector("H")], {
			faults: 1,
		}),
		crashRemake: shape(
			third,
			[collector("G"), folderWriter("W", "third"), collector("H")],
			{ faults: 1 },
		),
		deltaUnforget: shape(third, [
			unforgetter("U", [third.idOf(0)]),
			collector("G", 500),
			folderWriter("W", "third"),
		]),
		/** Old content is put together while a writer makes a difference from some of it. */
		cold: shape(old, [
			folderWriter("W", "old"),
			collector("G", 500, { repack: { age: 0 } }),
		]),
		/** All at once. */
		crowdOfDeltas: shape(
			crowd,
			[
				folderWriter("W", "crowd"),
				folderWriter("V", "crowd-heir"),
				folderWriter("X", "crowd-back"),
				forgetter("F", planOfCrowd),
				unforgetter("U", [crowd.idOf(0)]),
				collector("G", 500),
				collector("H"),
				reader("R", crowd.idOf(4)),
			],
			{ faults: 2 },
		),
	};
}

function withChange(bytes: Uint8Array): Uint8Array {
	bytes.set(noise("change", changedBytes), 100);
	return bytes;
}
