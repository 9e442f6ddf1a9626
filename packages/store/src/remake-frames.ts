import { type Bytes, idBytes, type PackId } from "@varve/format";
import type { Remake } from "./base-use.ts";
import type { BasedFrame } from "./pack-use.ts";
import type { TablePart } from "./table-part.ts";

/** Bases that are looked up together. */
const basesAtOnce = 64 * 1024;
/** What is gained must be more than this part of what is written for it. */
const leastGain = 0.1;

/** Of bases of one frame that nothing else needs. */
interface Spare {
	/** Bytes of content. */
	raw: number;
	/** Stored bytes. */
	stored: number;
}

/** A frame with bases, and the part it is in. */
interface Candidate extends BasedFrame {
	readonly part: TablePart;
	/** Bytes of content of its bases. */
	raw: number;
	/** Bases that nothing but this frame needs. */
	readonly own: Spare;
	/** Its share of those that other frames need too, but only as bases. */
	readonly shared: Spare;
	/** Another frame that shares such a base; by these a group is found. */
	next: Candidate | undefined;
	/** All bases were found: without one it cannot be read. */
	isReadable: boolean;
}

/** How many frames are to be made anew, and how many bytes of bases that nothing needs then, less what the frames grow. */
export interface Remakes {
	readonly frames: number;
	readonly gain: number;
}

/**
 * Finds frames with bases that are better made anew: since bases are kept for them alone that take more room than they save, or since what is
 * dead in them takes much. All that is needed for itself is marked, and no base yet. Frames of packs that cannot be moved stay as they are.
 */
export function remakeFrames(
	parts: readonly TablePart[],
	isMovable: (pack: PackId) => boolean,
): Remakes {
	for (const part of parts) part.beginBases();
	for (const batch of batches(parts))
		eachBase(parts, batch, (owners, { part, row }) => {
			for (const { pack } of owners)
				if (isMovable(pack)) part.baseUse?.addUser(row);
				else part.baseUse?.setNeeded(row);
		});
	for (const batch of batches(parts)) {
		eachBase(parts, batch, noteBase);
		for (const group of groupsOf(batch))
			judge(group.filter((one) => one.isReadable && isMovable(one.pack)));
	}
	const remakes = { frames: 0, gain: 0 };
	for (const part of parts)
		for (const { gain } of part.settleRemakes()) {
			remakes.frames++;
			remakes.gain += gain;
		}
	return remakes;
}

/** What a base takes is shared out among those that need it. */
function noteBase(owners: readonly Candidate[], base: BaseRow): void {
	const { part, row, frame, length } = base;
	const users = part.baseUse?.usersOf(row) ?? 0;
	const stored = length * part.ratioOf(frame);
	owners.forEach((owner, i) => {
		owner.raw += length;
		if (users === 0) return;
		const spare = users === 1 ? owner.own : owner.shared;
		spare.raw += length / users;
		spare.stored += stored / users;
		const other = owners[i + 1];
		if (other !== undefined) join(owner, other);
	});
}

/** Makes one group of two. */
function join(a: Candidate, b: Candidate): void {
	const lastOfA = lastOf(a);
	const lastOfB = lastOf(b);
	if (lastOfA !== lastOfB) lastOfA.next = lastOfB;
}

function lastOf(one: Candidate): Candidate {
	let last = one;
	while (last.next !== undefined) last = last.next;
	let at = one;
	while (at.next !== undefined && at.next !== last) {
		const { next } = at;
		at.next = last;
		at = next;
	}
	return last;
}

/** Frames that share a base resemble each other: without it, one is stored whole, and the others beside that one. */
function groupsOf(candidates: readonly Candidate[]): Iterable<Candidate[]> {
	const groups = new Map<Candidate, Candidate[]>();
	for (const candidate of candidates) {
		const last = lastOf(candidate);
		const group = groups.get(last);
		if (group === undefined) groups.set(last, [candidate]);
		else group.push(candidate);
	}
	return groups.values();
}

/** Makes the frames of a group anew, or some of them, or none. */
function judge(group: readonly Candidate[]): void {
	const together = group.map((one) => outcome(one, [one.own, one.shared]));
	if (areWorth(group, together)) {
		group.forEach((one, i) => {
			remake(one, together[i] as Remake);
		});
		return;
	}
	for (const one of group) {
		const alone = outcome(one, [one.own]);
		if (areWorth([one], [alone])) remake(one, alone);
	}
}

function remake(one: Candidate, outcome: Remake): void {
	if (outcome.gain + outcome.dead > 0)
		one.part.baseUse?.remake(one.frame, outcome);
}

function areWorth(
	group: readonly Candidate[],
	outcomes: readonly Remake[],
): boolean {
	let gained = 0;
	let written = 0;
	outcomes.forEach(({ gain, dead, grown }, i) => {
		gained += gain + dead;
		written += (group[i] as Candidate).live + grown;
	});
	return gained > written * leastGain;
}

/** What was made with bases that go is stored whole, and takes about what they take. */
function outcome(
	{ live, stored, raw }: Candidate,
	going: readonly Spare[],
): Remake {
	const bases = going.reduce((sum, spare) => sum + spare.stored, 0);
	const share = going.reduce((sum, spare) => sum + spare.raw, 0) / raw;
	const grown = Math.max(0, bases - live * share);
	return { grown, gain: bases - grown, dead: stored - live };
}

/** All live frames with bases, so many at once that their bases can be looked up together. */
function* batches(parts: readonly TablePart[]): Generator<Candidate[]> {
	let batch: Candidate[] = [];
	let bases = 0;
	for (const part of parts)
		for (const based of part.basedFrames()) {
			batch.push({
				...{ ...based, part, raw: 0, next: undefined, isReadable: true },
				...{ own: { raw: 0, stored: 0 }, shared: { raw: 0, stored: 0 } },
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
