import {
	type Bytes,
	CorruptError,
	decodeFrameBody,
	decodeFrameHeader,
	equalBytes,
	frameHeaderBytes,
	idAt,
	idBytes,
	isVarveError,
	NotFoundError,
	type Place,
	scrubBlockBytes,
	type VarveError,
} from "@varve/format";
import type { Toolbox } from "@varve/kernel";
import type { BlockingReads } from "@varve/store";
import type { BaseTable } from "../base-places.ts";
import { attemptRead } from "../damage.ts";
import type { FrameCache } from "../frame-cache.ts";
import { wrongChunks } from "../prove-chunks.ts";
import type {
	BlockProblem,
	FrameList,
	FrameProblem,
	VerifyRange,
	VerifyReply,
	VerifyTask,
} from "./tasks.ts";

export interface RangeCheckOptions {
	readonly reads: BlockingReads;
	readonly tools: Pick<Toolbox, "sha256" | "hash64" | "decoder">;
	/** Reads the bases of frames that have some. */
	readonly bases: Pick<FrameCache, "dictionary">;
	/** Where these lie. */
	readonly places: Pick<BaseTable, "find">;
}

/** A frame of one of the ranges. */
interface FrameAt {
	readonly which: number;
	readonly frame: number;
}

interface Opened {
	readonly range: VerifyRange;
	readonly stored: Bytes;
	readonly blockProblems: readonly BlockProblem[];
}

/** Checks ranges of packs in one thread. Damage is told, never thrown. */
export class RangeCheck {
	readonly #options: RangeCheckOptions;
	#stored = new Uint8Array(0);
	#raw = new Uint8Array(0);
	readonly #sha256 = (bytes: Bytes) => this.#options.tools.sha256(bytes);

	constructor(options: RangeCheckOptions) {
		this.#options = options;
	}

	run({ id, ranges }: VerifyTask): VerifyReply {
		const starts = this.#makeRoom(ranges);
		const opened = ranges.map((range, i) => {
			const stored = this.#stored.subarray(starts[i], starts[i + 1]);
			const unreadable = this.#read(range, stored);
			const blockProblems = this.#checkBlocks(range, stored, unreadable);
			return { range, stored, blockProblems };
		});
		const problems: FrameProblem[][] = ranges.map(() => []);
		for (const { which, frame } of this.#inOrderOfBases(ranges)) {
			const { range, stored } = opened[which] as Opened;
			const problem = this.#checkFrame(range, frame, stored);
			if (problem !== undefined) problems[which]?.push(problem);
		}
		return {
			id,
			ranges: opened.map(({ range, blockProblems }, i) => ({
				blockProblems,
				frameProblems: (problems[i] as FrameProblem[]).sort(
					(a, b) => a.offset - b.offset,
				),
				...sumOf(range.frames),
				stored: range.end - range.at,
			})),
		};
	}

	/** Where the bytes of each range begin, and the end of the last. */
	#makeRoom(ranges: readonly VerifyRange[]): number[] {
		const starts = [0];
		for (const range of ranges)
			starts.push((starts.at(-1) as number) + neededEnd(range) - range.at);
		const length = starts.at(-1) as number;
		if (this.#stored.length < length) this.#stored = new Uint8Array(length);
		return starts;
	}

	/** Frames whose bases lie side by side follow each other: these are decoded once then. */
	#inOrderOfBases(ranges: readonly VerifyRange[]): FrameAt[] {
		const all: (FrameAt & { readonly base: Place | undefined })[] = [];
		ranges.forEach(({ frames }, which) => {
			if (frames === undefined) return;
			for (let frame = 0; frame < frames.offset.length; frame++)
				all.push({ which, frame, base: this.#firstBaseOf(frames, frame) });
		});
		return all.sort((a, b) => comparePlaces(a.base, b.base));
	}

	#firstBaseOf(
		{ bases, firstBase }: FrameList,
		frame: number,
	): Place | undefined {
		const first = firstBase[frame] as number;
		if (first === firstBase[frame + 1]) return undefined;
		return this.#options.places.find(bases, first * idBytes);
	}

	/** Reads the bytes of the range, and of its last frame beyond it. Returns blocks that cannot be read: they are zeros. */
	#read(range: VerifyRange, stored: Bytes): BlockProblem[] {
		const { from = "packs" } = range;
		const error = attemptRead(() =>
			this.#options.reads.readInto(from, range.pack, range.at, stored),
		);
		if (error === undefined) return [];
		const unreadable: BlockProblem[] = [];
		for (let at = 0; at < stored.length; at += scrubBlockBytes) {
			const block = stored.subarray(at, at + scrubBlockBytes);
			const why = attemptRead(() =>
				this.#options.reads.readInto(from, range.pack, range.at + at, block),
			);
			if (why === undefined) continue;
			block.fill(0);
			if (range.at + at < range.end)
				unreadable.push({ at: range.at + at, unreadable: why.message });
		}
		return unreadable;
	}

	#checkBlocks(
		{ at, end, blocks }: VerifyRange,
		stored: Bytes,
		unreadable: readonly BlockProblem[],
	): BlockProblem[] {
		const problems = [...unreadable];
		const skipped = new Set(unreadable.map((problem) => problem.at));
		blocks.forEach((expected, i) => {
			const start = i * scrubBlockBytes;
			if (skipped.has(at + start)) return;
			const block = stored.subarray(
				start,
				Math.min(start + scrubBlockBytes, end - at),
			);
			if (this.#options.tools.hash64(block) !== expected)
				problems.push({ at: at + start, unreadable: undefined });
		});
		return problems;
	}

	#checkFrame(
		range: VerifyRange,
		index: number,
		stored: Bytes,
	): FrameProblem | undefined {
		const frames = range.frames as FrameList;
		const offset = frames.offset[index] as number;
		const first = frames.firstChunk[index] as number;
		const end = frames.firstChunk[index + 1] as number;
		const ids = frames.ids.subarray(first * idBytes, end * idBytes);
		const lengths = frames.lengths.subarray(first, end);
		try {
			const raw = this.#decode(range, frames, index, stored);
			const bad = wrongChunks(raw, { ids, lengths }, this.#sha256);
			if (bad.length === 0) return undefined;
			const chunks = joinIds(bad);
			const message = `${bad.length} of the ${ids.length / idBytes} chunks in it do not match their ids, the first of them ${idAt(chunks)}`;
			return { offset, code: "BAD_CHUNK", baseless: false, message, chunks };
		} catch (error) {
			if (!isVarveError(error)) throw error;
			const chunks = ids.slice();
			const { message } = error;
			const baseless = isWithoutBase(error);
			return { offset, code: "BAD_FRAME", baseless, message, chunks };
		}
	}

	/** The bytes of a frame that is just what the directory says. */
	#decode(
		range: VerifyRange,
		frames: FrameList,
		index: number,
		stored: Bytes,
	): Bytes {
		const start = (frames.offset[index] as number) - range.at;
		const length = frames.storedLength[index] as number;
		const frame = stored.subarray(start, start + length);
		requireSame(frame, range.kind, frames, index);
		const rawLength = rawLengthOf(frames, index);
		if (this.#raw.length < rawLength) this.#raw = new Uint8Array(rawLength);
		const { tools, bases } = this.#options;
		return tools.decoder.decode(frame, {
			dictionary: (ids) => bases.dictionary(ids),
			target: this.#raw,
		}).raw;
	}
}

/** The frame itself has been read: what is not there is a base, or the pack of one, which a gc may sweep at any moment. */
function isWithoutBase(error: VarveError): boolean {
	return error.code === "MISSING_BASE" || error instanceof NotFoundError;
}

function neededEnd({ end, frames }: VerifyRange): number {
	const last = frames === undefined ? -1 : frames.offset.length - 1;
	if (frames === undefined || last < 0) return end;
	return Math.max(
		end,
		(frames.offset[last] as number) + (frames.storedLength[last] as number),
	);
}

function sumOf(frames: FrameList | undefined) {
	return {
		frames: frames?.offset.length ?? 0,
		chunks: frames?.lengths.length ?? 0,
		raw: frames?.lengths.reduce((sum, length) => sum + length, 0) ?? 0,
	};
}

function comparePlaces(a: Place | undefined, b: Place | undefined): number {
	if (a === undefined || b === undefined)
		return Number(a !== undefined) - Number(b !== undefined);
	if (a.pack !== b.pack) return a.pack < b.pack ? -1 : 1;
	return a.offset - b.offset;
}

function rawLengthOf(frames: FrameList, index: number): number {
	let sum = 0;
	const end = frames.firstChunk[index + 1] as number;
	for (let c = frames.firstChunk[index] as number; c < end; c++)
		sum += frames.lengths[c] as number;
	return sum;
}

/** CorruptError unless the frame's own header and head say what the directory says. */
function requireSame(
	frame: Bytes,
	kind: number,
	frames: FrameList,
	index: number,
): void {
	const header = decodeFrameHeader(frame, 0);
	if (
		(kind !== 0 && header.kind !== kind) ||
		header.storedLength !== frame.length - frameHeaderBytes
	)
		throw differs("kind and length");
	const body = decodeFrameBody(frame.subarray(frameHeaderBytes));
	const chunks = frames.lengths.subarray(
		frames.firstChunk[index],
		frames.firstChunk[index + 1],
	);
	if (
		chunks.length !== body.lengths.length ||
		chunks.some((length, i) => length !== body.lengths[i])
	)
		throw differs("chunk lengths");
	const bases = frames.bases.subarray(
		(frames.firstBase[index] as number) * idBytes,
		(frames.firstBase[index + 1] as number) * idBytes,
	);
	if (!equalBytes(bases, body.bases)) throw differs("bases");
}

function differs(what: string): CorruptError {
	return new CorruptError(
		"BAD_FRAME",
		`its ${what} are not what the directory of the pack says`,
	);
}

function joinIds(ids: readonly Bytes[]): Bytes {
	const joined = new Uint8Array(ids.length * idBytes);
	ids.forEach((id, i) => {
		joined.set(id, i * idBytes);
	});
	return joined;
}
