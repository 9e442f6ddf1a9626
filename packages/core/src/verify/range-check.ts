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
	scrubBlockBytes,
} from "@varve/format";
import type { Toolbox } from "@varve/kernel";
import type { BlockingReads } from "@varve/store";
import { attemptRead } from "../damage.ts";
import type { FrameCache } from "../frame-cache.ts";
import { wrongChunks } from "../prove-chunks.ts";
import type {
	BlockProblem,
	FrameList,
	FrameProblem,
	VerifyReply,
	VerifyTask,
} from "./tasks.ts";

export interface RangeCheckOptions {
	readonly reads: BlockingReads;
	readonly tools: Pick<Toolbox, "sha256" | "hash64" | "decoder">;
	/** Reads the bases of frames that have some. */
	readonly bases: Pick<FrameCache, "dictionary">;
}

/** Checks ranges of packs in one thread. Damage is told, never thrown. */
export class RangeCheck {
	readonly #options: RangeCheckOptions;
	#stored = new Uint8Array(0);
	#raw = new Uint8Array(2 * 1024 * 1024);
	readonly #sha256 = (bytes: Bytes) => this.#options.tools.sha256(bytes);

	constructor(options: RangeCheckOptions) {
		this.#options = options;
	}

	run(task: VerifyTask): VerifyReply {
		const { stored, unreadable } = this.#read(task);
		const blockProblems = this.#checkBlocks(task, stored, unreadable);
		const sum = { frames: 0, chunks: 0, raw: 0 };
		const frameProblems: FrameProblem[] = [];
		const frames = task.frames;
		for (let i = 0; frames !== undefined && i < frames.offset.length; i++) {
			const problem = this.#checkFrame(task, frames, i, stored);
			if (problem !== undefined) frameProblems.push(problem);
			sum.frames++;
			const first = frames.firstChunk[i] as number;
			const end = frames.firstChunk[i + 1] as number;
			sum.chunks += end - first;
			for (let c = first; c < end; c++) sum.raw += frames.lengths[c] as number;
		}
		return {
			id: task.id,
			blockProblems,
			frameProblems,
			...sum,
			stored: task.end - task.at,
		};
	}

	/** The bytes of the range, and of its last frame beyond it. Blocks that cannot be read are zeros here, and listed. */
	#read(task: VerifyTask): { stored: Bytes; unreadable: BlockProblem[] } {
		const { from = "packs" } = task;
		const length = neededEnd(task) - task.at;
		if (this.#stored.length < length) this.#stored = new Uint8Array(length);
		const stored = this.#stored.subarray(0, length);
		const error = attemptRead(() =>
			this.#options.reads.readInto(from, task.pack, task.at, stored),
		);
		if (error === undefined) return { stored, unreadable: [] };
		const unreadable: BlockProblem[] = [];
		for (let at = 0; at < length; at += scrubBlockBytes) {
			const block = stored.subarray(at, at + scrubBlockBytes);
			const why = attemptRead(() =>
				this.#options.reads.readInto(from, task.pack, task.at + at, block),
			);
			if (why === undefined) continue;
			block.fill(0);
			if (task.at + at < task.end)
				unreadable.push({ at: task.at + at, unreadable: why.message });
		}
		return { stored, unreadable };
	}

	#checkBlocks(
		{ at, end, blocks }: VerifyTask,
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
		task: VerifyTask,
		frames: FrameList,
		index: number,
		stored: Bytes,
	): FrameProblem | undefined {
		const offset = frames.offset[index] as number;
		const first = frames.firstChunk[index] as number;
		const end = frames.firstChunk[index + 1] as number;
		const ids = frames.ids.subarray(first * idBytes, end * idBytes);
		const lengths = frames.lengths.subarray(first, end);
		try {
			const raw = this.#decode(task, frames, index, stored);
			const bad = wrongChunks(raw, { ids, lengths }, this.#sha256);
			if (bad.length === 0) return undefined;
			const chunks = joinIds(bad);
			const message = `${bad.length} of the ${ids.length / idBytes} chunks in it do not match their ids, the first of them ${idAt(chunks)}`;
			return { offset, code: "BAD_CHUNK", baseless: false, message, chunks };
		} catch (error) {
			if (!isVarveError(error)) throw error;
			const chunks = ids.slice();
			const { code, message } = error;
			const baseless = code === "MISSING_BASE";
			return { offset, code: "BAD_FRAME", baseless, message, chunks };
		}
	}

	/** The bytes of a frame that is just what the directory says. */
	#decode(
		task: VerifyTask,
		frames: FrameList,
		index: number,
		stored: Bytes,
	): Bytes {
		const start = (frames.offset[index] as number) - task.at;
		const length = frames.storedLength[index] as number;
		const frame = stored.subarray(start, start + length);
		requireSame(frame, task.kind, frames, index);
		const rawLength = rawLengthOf(frames, index);
		if (this.#raw.length < rawLength) this.#raw = new Uint8Array(rawLength);
		const { tools, bases } = this.#options;
		return tools.decoder.decode(frame, {
			dictionary: (ids) => bases.dictionary(ids),
			target: this.#raw,
		}).raw;
	}
}

function neededEnd({ end, frames }: VerifyTask): number {
	const last = frames === undefined ? -1 : frames.offset.length - 1;
	if (frames === undefined || last < 0) return end;
	return Math.max(
		end,
		(frames.offset[last] as number) + (frames.storedLength[last] as number),
	);
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
