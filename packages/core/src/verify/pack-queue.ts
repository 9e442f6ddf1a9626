import {
	idBytes,
	type PackFrame,
	type PackId,
	type PackKind,
	scrubBlockBytes,
	type Trailer,
	toHex,
} from "@varve/format";
import type { ListedFile, RepositoryIndex } from "@varve/store";
import { placesOfBases } from "../base-places.ts";
import type { Progress } from "../progress.ts";
import type { Crew } from "../repository.ts";
import type { Faults } from "./faults.ts";
import { frameList } from "./frame-lists.ts";
import type {
	RangeReport,
	VerifyRange,
	VerifyReply,
	VerifyTask,
} from "./tasks.ts";

export interface PackQueueOptions {
	readonly crew: Crew;
	readonly index: Pick<RepositoryIndex, "places">;
	readonly faults: Faults;
	readonly progress: Progress;
	/** Told of each pack that was read whole. */
	readonly onRead: (pack: PackId, isGood: boolean) => void;
	/** Frames are decoded and their chunks proved; else only blocks are checked. */
	readonly decodes: boolean;
}

export interface PackToRead {
	readonly file: ListedFile;
	/** undefined if its header does not tell. */
	readonly kind: PackKind | undefined;
	/** undefined if it is damaged: then blocks cannot be checked. */
	readonly trailer: Trailer | undefined;
	/** undefined if nothing tells them. */
	readonly frames: readonly PackFrame[] | undefined;
	/** The copy of a pack: its blocks are compared with their checksums, and nothing is decoded. */
	readonly from?: "copies/packs" | undefined;
}

interface PackState {
	readonly pack: PackId;
	readonly from: "copies/packs" | undefined;
	/** Ranges that are handed out and not replied to. */
	left: number;
	isGood: boolean;
}

/** Blocks of one task: tasks are short enough to share evenly, and long enough that nobody waits for the next one. */
const rangeBlocks = 8;
/** Bytes of ranges with differences that are looked at together: each snapshot makes small packs of them, and versions have the same bases. */
const basedBytes = 16 * 1024 * 1024;

/** A range of a pack that is to be read. */
interface Range {
	readonly state: PackState;
	readonly range: VerifyRange;
	readonly frames: readonly PackFrame[];
}

/** Hands ranges of packs to the workers and makes faults of what they find. */
export class PackQueue {
	readonly #options: PackQueueOptions;
	/** Packs of the ranges that are handed out, by task. */
	readonly #ranges = new Map<number, readonly PackState[]>();
	/** Ranges with differences that wait for others. */
	#waiting: Range[] = [];
	#waitingBytes = 0;
	#lastTask = 0;
	/** Packs all of which was read, and not found good. */
	readonly bad = new Set<PackId>();
	packs = 0;
	frames = 0;
	chunks = 0;
	/** Bytes read, and bytes of chunks proved. */
	stored = 0;
	raw = 0;

	constructor(options: PackQueueOptions) {
		this.#options = options;
		options.crew.onReply = (reply) => this.#take(reply as VerifyReply);
	}

	/** Resolves when the pack is handed out, or waits for others. */
	async add(pack: PackToRead): Promise<void> {
		const id = pack.file.name as PackId;
		const state: PackState = {
			pack: id,
			from: pack.from,
			left: 0,
			isGood:
				pack.trailer !== undefined &&
				pack.kind !== undefined &&
				(pack.frames !== undefined || !this.#options.decodes),
		};
		if (pack.from === undefined) this.packs++;
		const ranges = this.#rangesOf(pack, state);
		state.left = ranges.length;
		for (const range of ranges)
			if (range.frames.some(({ bases }) => bases.length > 0))
				await this.#putAside(range);
			else await this.#submit([range]);
	}

	async finish(): Promise<void> {
		await this.#submitWaiting();
		await this.#options.crew.idle();
	}

	async #putAside(range: Range): Promise<void> {
		const { at, end } = range.range;
		if (this.#waitingBytes + end - at > basedBytes) await this.#submitWaiting();
		this.#waiting.push(range);
		this.#waitingBytes += end - at;
	}

	async #submitWaiting(): Promise<void> {
		const waiting = this.#waiting;
		this.#waiting = [];
		this.#waitingBytes = 0;
		if (waiting.length > 0) await this.#submit(waiting);
	}

	async #submit(ranges: readonly Range[]): Promise<void> {
		const { crew, index } = this.#options;
		const id = ++this.#lastTask;
		const states = ranges.map(({ state }) => state);
		this.#ranges.set(id, states);
		const task: VerifyTask = {
			id,
			ranges: ranges.map(({ range }) => range),
			bases: placesOfBases(
				ranges.flatMap(({ frames }) => frames),
				(ids, wanted) => index.places(ids, wanted),
			),
		};
		await crew.submit(task);
	}

	#rangesOf(pack: PackToRead, state: PackState): Range[] {
		const { file, kind, trailer, frames = [], from } = pack;
		const last = frames.at(-1);
		const end =
			trailer?.coveredLength ??
			(last === undefined ? 0 : last.offset + last.storedLength);
		const { decodes } = this.#options;
		const ranges: Range[] = [];
		const step = rangeBlocks * scrubBlockBytes;
		for (let at = 0; at < end; at += step) {
			const blocks = (trailer?.blocks ?? []).slice(
				at / scrubBlockBytes,
				at / scrubBlockBytes + rangeBlocks,
			);
			const inRange = decodes
				? frames.filter(({ offset }) => offset >= at && offset < at + step)
				: [];
			const range: VerifyRange = {
				pack: file.name,
				from,
				kind: kind ?? 0,
				at,
				end: Math.min(at + step, end),
				blocks: BigUint64Array.from(blocks),
				frames: decodes ? frameList(inRange) : undefined,
			};
			ranges.push({ state, range, frames: inRange });
		}
		return ranges;
	}

	#take({ id, ranges }: VerifyReply): void {
		const states = this.#ranges.get(id);
		if (states === undefined) return;
		this.#ranges.delete(id);
		ranges.forEach((report, i) => {
			this.#takeRange(report, states[i] as PackState);
		});
	}

	#takeRange(report: RangeReport, state: PackState): void {
		this.#takeBlocks(report, state);
		this.#takeFrames(report, state);
		this.frames += report.frames;
		this.chunks += report.chunks;
		this.stored += report.stored;
		this.raw += report.raw;
		this.#options.progress.add(0, report.stored, `packs/${state.pack}`);
		if (--state.left > 0 || state.from !== undefined) return;
		this.#options.onRead(state.pack, state.isGood);
		if (!state.isGood) this.bad.add(state.pack);
	}

	#takeBlocks({ blockProblems }: RangeReport, state: PackState): void {
		for (const { at, unreadable } of blockProblems)
			this.#fault(state, {
				code: unreadable === undefined ? "BAD_BLOCK" : "UNREADABLE_FILE",
				problem:
					unreadable === undefined
						? `the block at byte ${at} does not match its checksum`
						: `the block at byte ${at} cannot be read (${unreadable})`,
				chunks: [],
			});
	}

	#takeFrames({ frameProblems }: RangeReport, state: PackState): void {
		for (const { offset, code, baseless, message, chunks } of frameProblems)
			this.#fault(state, {
				code,
				baseless,
				problem: `of the frame at byte ${offset}: ${message}`,
				chunks: Array.from({ length: chunks.length / idBytes }, (_, i) =>
					toHex(chunks, i * idBytes, (i + 1) * idBytes),
				),
			});
	}

	#fault(
		state: PackState,
		fault: {
			code: "BAD_BLOCK" | "UNREADABLE_FILE" | "BAD_FRAME" | "BAD_CHUNK";
			baseless?: boolean;
			problem: string;
			chunks: readonly string[];
		},
	): void {
		const { baseless = false } = fault;
		state.isGood = false;
		// Whether this is an error is known when it is known who needs it.
		if (!baseless) this.#options.progress.addErrors(1);
		const { pack, from } = state;
		this.#options.faults.add({
			code: from === undefined ? fault.code : "BAD_COPY",
			message: `${from ?? "packs"}/${pack} is damaged: ${fault.problem}`,
			file: { kind: from ?? "packs", name: pack },
			...(from === undefined ? { pack } : {}),
			chunks: fault.chunks,
			baseless,
		});
	}
}
