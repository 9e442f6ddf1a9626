import { type Bytes, idBytes, type PackId } from "@varve/format";
import type { Remake } from "./base-use.ts";
import type { BasedFrame } from "./pack-use.ts";
import type { TablePart } from "./table-part.ts";

/** Bases that are looked up together. */
const basesAtOnce = 64 * 1024;
/** What is gained must be more than this part of what is written for it. */
const leastGain = 0.1;
/** So often is judged again what others leave of a gain; if there is no end to it then, all stays as it is. */
const mostRounds = 16;

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
 * dead in them takes much. All that is needed for itself is marked, and no base yet. Frames of packs that cannot be moved stay as they are, and
 * those in which nothing is settled.
 */
export function remakeFrames(
	parts: readonly TablePart[],
	isMovable: (pack: PackId) => boolean,
): Remakes {
	const mayChange = ({ isSettled, pack }: BasedFrame) =>
		isSettled && isMovable(pack);
	for (const part of parts) part.beginBases();
	for (const batch of batches(parts, keeping))
		eachBase(parts, batch, (owners, { part, row }) => {
			for (const owner of owners)
				if (mayChange(owner)) part.baseUse?.addUser(row);
				else part.baseUse?.setNeeded(row);
		});
	let isChanged = judgeAll(parts, keeping, mayChange);
	for (let round = 0; isChanged && round < mostRounds; round++) {
		for (const part of parts) part.settleRemakes();
		keepBases(parts);
		isChanged = judgeAll(parts, remade, mayChange);
	}
	if (isChanged) for (const part of parts) part.baseUse?.keepAll();
	const remakes = { frames: 0, gain: 0 };
	for (const part of parts)
		for (const { gain } of part.remakes) {
			remakes.frames++;
			remakes.gain += gain;
		}
	return remakes;
}

type FramesOf = (part: TablePart) => Iterable<BasedFrame>;

const keeping: FramesOf = (part) => part.basedFrames();
const remade: FramesOf = (part) => part.remadeFrames();

/** True if for one of these frames another outcome is found than before. */
function judgeAll(
	parts: readonly TablePart[],
	framesOf: FramesOf,
	mayChange: (one: BasedFrame) => boolean,
): boolean {
	let isChanged = false;
	for (const batch of batches(parts, framesOf)) {
		eachBase(parts, batch, noteBase);
		for (const group of groupsOf(batch)) {
			const able = group.filter((one) => one.isReadable && mayChange(one));
			if (judge(able)) isChanged = true;
		}
	}
	return isChanged;
}

/**
 * What a frame that stays as it is was made with is needed, and nobody gains by going without: frames that are made anew beside such a base
 * would be what they were, and each gc would do that again.
 */
function keepBases(parts: readonly TablePart[]): void {
	for (const batch of batches(parts, keeping))
		eachBase(parts, batch, (_, { part, row }) => part.baseUse?.setNeeded(row));
	for (const batch of batches(parts, remade))
		eachBase(parts, batch, (owners, { part, row }) => {
			const { baseUse } = part;
			if (baseUse === undefined || baseUse.usersOf(row) < 2) return;
			if (owners.some(keepsShared)) baseUse.setNeeded(row);
		});
}

function keepsShared({ part, frame }: Candidate): boolean {
	return part.baseUse?.remakeOf(frame)?.keepsShared === true;
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

/** Makes the frames of a group anew, or some of them, or none. True if that is not what was to be done before. */
function judge(group: readonly Candidate[]): boolean {
	const together = group.map((one) => outcome(one, [one.own, one.shared]));
	const areTogether = areWorth(group, together);
	let isChanged = false;
	group.forEach((one, i) => {
		const alone = { ...outcome(one, [one.own]), keepsShared: true };
		const best = areTogether ? (together[i] as Remake) : alone;
		const isWorth = areTogether || areWorth([one], [alone]);
		if (decide(one, isWorth ? best : undefined)) isChanged = true;
	});
	return isChanged;
}

/** undefined: it stays as it is. True if something else was decided before. */
function decide(
	{ part: { baseUse }, frame }: Candidate,
	remake: Remake | undefined,
): boolean {
	const before = baseUse?.remakeOf(frame);
	if (remake === undefined || remake.gain + remake.dead <= 0) {
		baseUse?.keep(frame);
		return before !== undefined;
	}
	baseUse?.remake(frame, remake);
	return before?.gain !== remake.gain || before.grown !== remake.grown;
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
	const dead = stored - live;
	return { grown, gain: bases - grown, dead, keepsShared: false };
}

/** Such frames with something live in them, so many at once that their bases can be looked up together. */
function* batches(
	parts: readonly TablePart[],
	framesOf: FramesOf,
): Generator<Candidate[]> {
	let batch: Candidate[] = [];
	let bases = 0;
	for (const part of parts)
		for (const based of framesOf(part)) {
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
