import { createHash } from "node:crypto";
import {
	type Bytes,
	decodeDirectory,
	decodePackHeader,
	equalBytes,
	FrameKind,
	frameHeaderBytes,
	isVarveError,
	type PackFrame,
	type PackKind,
	type SegmentPack,
} from "@varve/format";
import type { ListedFile } from "@varve/store";
import type { PackBytes } from "./pack-bytes.ts";
import { describeFrame, type SalvageTools } from "./salvage-frame.ts";
import { holdsChunks, walkFrames } from "./walk-frames.ts";

/** A frame of a damaged pack, as far as anything tells of it. */
export interface KnownFrame extends PackFrame {
	readonly kind: PackKind;
}

/** What is known of what a damaged pack holds, or held. */
export interface PackAccount {
	readonly file: ListedFile;
	readonly kind: PackKind;
	/** In the order of their offsets; of a frame that is told of differently each account. */
	readonly frames: readonly KnownFrame[];
	/** A segment or a directory that is whole tells of all of its frames; else there may have been more. */
	readonly isComplete: boolean;
}

/** True if the pack is just as it was written: its name is its SHA-256. */
export function isAsWritten(bytes: PackBytes, name: string): boolean {
	const hash = createHash("sha256");
	bytes.each((part) => void hash.update(part));
	return hash.digest("hex") === name && !bytes.isUnreadable;
}

/**
 * Gathers what is known of a pack: from `accounts`, which segments and whole directories gave. Without any, all frames are looked for by
 * their headers.
 */
export function accountOfPack(
	file: ListedFile,
	bytes: PackBytes,
	{
		accounts,
		using,
	}: { accounts: readonly SegmentPack[]; using: SalvageTools },
): PackAccount {
	const known = new FrameTable();
	for (const { kind, frames } of accounts)
		for (const frame of frames) known.add({ ...frame, kind });
	const isComplete = accounts.length > 0;
	if (!isComplete) search(bytes, known, using);
	const frames = known.sorted();
	const kind =
		accounts[0]?.kind ??
		kindOfHeader(bytes) ??
		frames[0]?.kind ??
		FrameKind.content;
	return { file, kind, frames, isComplete };
}

/** Frames that were found by their headers, and those that a directory among them names. */
function search(
	bytes: PackBytes,
	known: FrameTable,
	using: SalvageTools,
): void {
	for (const found of walkFrames(bytes)) {
		const frame = bytes.read(found.offset, found.storedLength).slice();
		if (!holdsChunks(found)) {
			const kind = kindOfHeader(bytes);
			for (const named of namedBy(frame))
				if (kind !== undefined) known.add({ ...named, kind });
			continue;
		}
		const described = describeFrame(frame, found.offset, using);
		if (described !== undefined)
			known.add({ ...described, kind: found.kind as PackKind });
	}
}

/** A directory that nothing proves may be wrong: chunks are proved by their ids all the same. */
function namedBy(frame: Bytes): PackFrame[] {
	try {
		return decodeDirectory(frame.subarray(frameHeaderBytes));
	} catch (error) {
		if (isVarveError(error)) return [];
		throw error;
	}
}

function kindOfHeader(bytes: PackBytes): PackKind | undefined {
	try {
		return decodePackHeader(bytes.read(0, 48)).kind;
	} catch (error) {
		if (isVarveError(error)) return undefined;
		throw error;
	}
}

/** Each frame once, or as often as it is told of differently. */
class FrameTable {
	readonly #byOffset = new Map<number, KnownFrame[]>();

	add(frame: KnownFrame): void {
		const others = this.#byOffset.get(frame.offset) ?? [];
		if (others.some((other) => isSame(other, frame))) return;
		this.#byOffset.set(frame.offset, [...others, frame]);
	}

	sorted(): KnownFrame[] {
		return [...this.#byOffset.values()]
			.flat()
			.sort((a, b) => a.offset - b.offset);
	}
}

function isSame(a: KnownFrame, b: KnownFrame): boolean {
	return (
		a.kind === b.kind &&
		a.storedLength === b.storedLength &&
		equalBytes(a.ids, b.ids) &&
		equalBytes(a.bases, b.bases) &&
		a.lengths.length === b.lengths.length &&
		a.lengths.every((length, i) => length === b.lengths[i])
	);
}
