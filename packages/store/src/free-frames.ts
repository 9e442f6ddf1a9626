import { type Bytes, idAt, idBytes, type PackId } from "@varve/format";
import type { BasedFrame } from "./pack-use.ts";
import type { TablePart } from "./table-part.ts";

/** Bases that are looked up together. */
const basesAtOnce = 64 * 1024;
/** What is gained must be more than this part of what is written for it. */
const leastGain = 0.1;

/** A frame with bases, the part it is in, and what its bases cost. */
interface Candidate extends BasedFrame {
	readonly part: TablePart;
	/** Stored bytes of bases that nothing but frames like this one needs: its share. */
	cost: number;
	/** Of the frames that hold its bases, together: stored bytes for each of content. */
	ratio: number;
	/** Places of bases found. */
	found: number;
	/** All bases were found: without one it cannot be read. */
	isReadable: boolean;
}

/**
 * Finds frames whose bases are kept for them alone and take more room than they save: what is live in them is better stored without. All
 * that is needed for itself is marked, and no base yet. Frames of packs that cannot be moved keep their bases. Returns how many bytes that gains.
 */
export function freeFrames(
	parts: readonly TablePart[],
	isMovable: (pack: PackId) => boolean,
): number {
	let gain = 0;
	for (const part of parts) part.beginBases();
	for (const batch of batches(parts))
		eachBase(parts, batch, (owners, { part, row }) => {
			for (const { pack } of owners)
				if (isMovable(pack)) part.addUser(row);
				else part.setNeeded(row);
		});
	for (const batch of batches(parts)) {
		eachBase(parts, batch, (owners, { part, row, frame, length }) => {
			const cost = part.costOf(row, frame, length);
			const ratio = part.ratioOf(frame);
			for (const owner of owners) {
				owner.cost += cost;
				owner.ratio += ratio;
				owner.found++;
			}
		});
		const movable = batch.filter(
			({ pack, isReadable }) => isReadable && isMovable(pack),
		);
		for (const group of groupsOf(movable)) gain += judge(group);
	}
	return gain;
}

/** Frames that share a base resemble each other: freed of it, one is stored whole, and the others beside that one. */
function groupsOf(candidates: readonly Candidate[]): Iterable<Candidate[]> {
	const groups = new Map<string, Candidate[]>();
	for (const candidate of candidates) {
		const key = idAt(candidate.bases, 0);
		const group = groups.get(key);
		if (group === undefined) groups.set(key, [candidate]);
		else group.push(candidate);
	}
	return groups.values();
}

/** How many bytes it gains to free the frames of a group, or some of them. */
function judge(group: readonly Candidate[]): number {
	const cost = sum(group, (one) => one.cost);
	const first = group.reduce((a, b) => (grownOf(b) > grownOf(a) ? b : a));
	const grown = grownOf(first);
	const written = sum(group, ({ live }) => live) + grown;
	if (cost - grown > written * leastGain) {
		for (const one of group)
			one.part.free(one.frame, one === first ? grown : 0);
		return cost - grown;
	}
	return sum(group, judgeAlone);
}

function judgeAlone(one: Candidate): number {
	const grown = grownOf(one);
	if (one.cost - grown <= (one.live + grown) * leastGain) return 0;
	one.part.free(one.frame, grown);
	return one.cost - grown;
}

/** How many bytes more the frame takes without bases. */
function grownOf({ live, liveRaw, ratio, found }: Candidate): number {
	return Math.max(0, (liveRaw * ratio) / found - live);
}

function sum(
	group: readonly Candidate[],
	bytesOf: (one: Candidate) => number,
): number {
	return group.reduce((total, one) => total + bytesOf(one), 0);
}

/** All live frames with bases, so many at once that their bases can be looked up together. */
function* batches(parts: readonly TablePart[]): Generator<Candidate[]> {
	let batch: Candidate[] = [];
	let bases = 0;
	for (const part of parts)
		for (const based of part.basedFrames()) {
			batch.push({
				...based,
				...{ part, cost: 0, ratio: 0, found: 0, isReadable: true },
			});
			bases += based.bases.length / idBytes;
			if (bases < basesAtOnce) continue;
			yield batch;
			batch = [];
			bases = 0;
		}
	if (batch.length > 0) yield batch;
}

interface BaseRow {
	readonly part: TablePart;
	readonly row: number;
	readonly frame: number;
	readonly length: number;
}

/** Calls `visit` with each place of each base in a frame without bases, and the frames it is a base of. */
function eachBase(
	parts: readonly TablePart[],
	batch: readonly Candidate[],
	visit: (owners: readonly Candidate[], row: BaseRow) => void,
): void {
	const rows: { readonly id: Bytes; readonly owner: Candidate }[] = [];
	for (const owner of batch)
		for (let at = 0; at < owner.bases.length; at += idBytes)
			rows.push({ id: owner.bases.subarray(at, at + idBytes), owner });
	rows.sort((a, b) => Buffer.compare(a.id, b.id));
	const owners: Candidate[][] = [];
	const ids = new Uint8Array(rows.length * idBytes);
	rows.forEach(({ id, owner }, i) => {
		const last = rows[i - 1];
		if (last === undefined || Buffer.compare(last.id, id) !== 0) {
			ids.set(id, owners.length * idBytes);
			owners.push([]);
		}
		(owners.at(-1) as Candidate[]).push(owner);
	});
	const isFound = new Uint8Array(owners.length);
	const sorted = ids.subarray(0, owners.length * idBytes);
	for (const part of parts)
		part.each(sorted, (index, { number: row, frame, place }) => {
			if (part.isBased(frame)) return;
			isFound[index] = 1;
			const { length } = place();
			visit(owners[index] as Candidate[], { part, row, frame, length });
		});
	owners.forEach((each, index) => {
		if (isFound[index] === 0)
			for (const owner of each) owner.isReadable = false;
	});
}
