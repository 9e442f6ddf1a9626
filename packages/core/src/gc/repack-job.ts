import {
	type Bytes,
	equalBytes,
	FrameKind,
	idAt,
	idBytes,
	isVarveError,
	type PackFrame,
	type PackKind,
} from "@varve/format";
import type { PackFile } from "@varve/kernel";
import { BaseTable } from "../base-places.ts";
import { isDamage } from "../damage.ts";
import { FrameCache } from "../frame-cache.ts";
import { FrameMover } from "../frame-mover.ts";
import { FrameRemaker } from "../frame-remaker.ts";
import type { BaseChunk } from "../heirs.ts";
import type { JobContext, JobFactory } from "../job.ts";
import { type ColdSizes, coldSizes } from "./cold/cold-frames.ts";
import type {
	MoveTask,
	MovingFrame,
	RepackReply,
	RepackSetup,
	RepackTask,
} from "./repack-tasks.ts";
import { SoundPacks } from "./sound-packs.ts";

/** What gc does in each thread: moves what is live in one pack after the other to packs of that thread. */
export const createRepackJob: JobFactory = async (context, setup) => {
	const work = new PackMover(context, setup as RepackSetup);
	return {
		run: (task) => ({ reply: work.run(task as RepackTask) }),
		close: () => work.discard(),
	};
};

const cacheBytes = 8 * 1024 * 1024;

class PackMover {
	readonly #context: JobContext;
	readonly #mover: FrameMover;
	/** For cold frames and what is taken out of such: it stays together. */
	#coldMover: FrameMover | undefined;
	readonly #remaker: FrameRemaker;
	readonly #bases = new BaseTable();
	readonly #elsewhere = new BaseTable();
	readonly #frames: FrameCache;
	readonly #sound: SoundPacks;
	readonly #create: () => PackFile;
	readonly #cold: ColdSizes | undefined;
	/** Of the frame that is moved. */
	#stored = new Uint8Array(0);

	constructor(context: JobContext, { stage }: RepackSetup) {
		const { kernel, reads, config } = context;
		const { tools } = kernel;
		const spool = context.openSpool(stage);
		this.#context = context;
		this.#create = () => spool.create();
		this.#cold = coldSizes(config);
		this.#mover = new FrameMover({
			kernel,
			frameBytes: config.frameBytes,
			create: this.#create,
		});
		this.#remaker = new FrameRemaker(kernel, this.#mover);
		const lookup = this.#bases;
		this.#frames = new FrameCache({ reads, tools, lookup }, cacheBytes);
		this.#sound = new SoundPacks(reads, (bytes) => tools.hash64(bytes));
	}

	run(task: RepackTask): RepackReply {
		let damage: string | undefined;
		if (task.type === "move") damage = this.#move(task);
		else for (const mover of this.#movers) mover.finish();
		const packs = this.#movers.flatMap((mover) => mover.take());
		return { id: task.id, damage, packs };
	}

	discard(): void {
		for (const mover of this.#movers) mover.discard();
	}

	get #movers(): FrameMover[] {
		const cold = this.#coldMover;
		return cold === undefined ? [this.#mover] : [this.#mover, cold];
	}

	#moverFor(kind: PackKind, { rawLength, bases }: PackFrame): FrameMover {
		const sizes = this.#cold;
		if (
			sizes === undefined ||
			kind !== FrameKind.content ||
			bases.length > 0 ||
			rawLength < sizes.least
		)
			return this.#mover;
		this.#coldMover ??= new FrameMover({
			kernel: this.#context.kernel,
			frameBytes: sizes.target,
			compression: "cold",
			create: this.#create,
		});
		return this.#coldMover;
	}

	/**
	 * What is wrong with the pack, if anything: then it stays, and nothing of it may have been moved: that would lie twice, and once more after each
	 * gc. Where checksums do not vouch for its bytes and those of bases, all of it is proved first.
	 */
	#move(task: MoveTask): string | undefined {
		this.#bases.tell(task.bases);
		this.#elsewhere.tell(task.elsewhere);
		const damage = this.#isSound(task) ? undefined : this.#proveAll(task);
		if (damage !== undefined) return damage;
		for (const one of task.frames) {
			const moving =
				task.elsewhere === undefined ? one : this.#withoutCopies(one);
			if (!moving.live.includes(1)) continue;
			const late = moving.movesWhole
				? this.#moveWhole(task, moving)
				: this.#takeApart(task, moving);
			if (late !== undefined) return late;
		}
		return undefined;
	}

	#isSound({ pack, bases }: MoveTask): boolean {
		const others = bases?.places.map((place) => place?.pack) ?? [];
		return [...new Set([pack, ...others])].every(
			(one) => one !== undefined && this.#sound.isSound(one),
		);
	}

	/** Without what is good in another pack, as of one that was killed: else each of these would leave one copy more. */
	#withoutCopies(moving: MovingFrame): MovingFrame {
		const { frame, movesWhole } = moving;
		const isBased = frame.bases.length > 0;
		const live = moving.live.map((isLive, i) =>
			isLive === 1 && !this.#isElsewhere(frame.ids, i * idBytes, isBased)
				? 1
				: 0,
		);
		const isSame = equalBytes(live, moving.live);
		return { ...moving, live, movesWhole: movesWhole && (isBased || isSame) };
	}

	/** Proved; for a chunk in a frame without bases, which may be the base of others, in such a frame. */
	#isElsewhere(ids: Bytes, at: number, isBased: boolean): boolean {
		const place = this.#elsewhere.find(ids, at);
		if (place === undefined) return false;
		if (place.bases.length > 0 && !isBased) return false;
		const { sha256 } = this.#context.kernel.tools;
		try {
			const decoded = this.#frames.frame(place);
			const hash = decoded.hash(place.ordinal, (bytes) => sha256(bytes));
			return equalBytes(hash, ids.subarray(at, at + idBytes));
		} catch (error) {
			if (!isDamage(error)) throw error;
			return false;
		}
	}

	#proveAll(task: MoveTask): string | undefined {
		for (const moving of task.frames) {
			const damage = this.#damageOf(task, moving);
			if (damage !== undefined) return damage;
		}
		return undefined;
	}

	#takeApart(task: MoveTask, moving: MovingFrame): string | undefined {
		const damage = this.#damageOf(task, moving);
		if (damage !== undefined) return damage;
		if (moving.keptBases === undefined) this.#moveChunks(task, moving);
		else this.#remake(task, moving, this.#proven(moving.keptBases));
		return undefined;
	}

	#damageOf(
		{ pack }: MoveTask,
		{ frame, live }: MovingFrame,
	): string | undefined {
		const { tools } = this.#context.kernel;
		const { ids } = frame;
		try {
			const decoded = this.#frames.frame({ pack, ...frame });
			for (let i = 0; i < live.length; i++) {
				if (live[i] === 0) continue;
				const hash = decoded.hash(i, (bytes) => tools.sha256(bytes));
				if (!equalBytes(hash, ids.subarray(i * idBytes, (i + 1) * idBytes)))
					return `the chunk ${idAt(ids, i * idBytes)} is damaged`;
			}
			return undefined;
		} catch (error) {
			if (!isVarveError(error) || error.name !== "CorruptError") throw error;
			return error.message;
		}
	}

	/** It is decoded from other bytes than those that are written: a checksum tells whether they are the same. */
	#moveWhole(task: MoveTask, moving: MovingFrame): string | undefined {
		const before = this.#sumOf(task, moving);
		const damage = this.#damageOf(task, moving);
		if (damage !== undefined) return damage;
		if (this.#sumOf(task, moving) !== before)
			return `the frame at byte ${moving.frame.offset} is read in two ways`;
		const { kind } = task;
		const { frame } = moving;
		const stored = this.#stored.subarray(0, frame.storedLength);
		this.#moverFor(kind, frame).addFrame(kind, stored, frame);
		return undefined;
	}

	/** Reads the frame as it is stored. */
	#sumOf({ pack }: MoveTask, { frame }: MovingFrame): bigint {
		if (this.#stored.length < frame.storedLength)
			this.#stored = new Uint8Array(frame.storedLength * 2);
		const stored = this.#stored.subarray(0, frame.storedLength);
		this.#context.reads.readInto("packs", pack, frame.offset, stored);
		return this.#context.kernel.tools.hash64(stored);
	}

	#moveChunks({ pack, kind }: MoveTask, { frame, live }: MovingFrame): void {
		const decoded = this.#frames.frame({ pack, ...frame });
		const mover = this.#moverFor(kind, frame);
		for (let i = 0; i < live.length; i++) {
			if (live[i] === 0) continue;
			const id = frame.ids.subarray(i * idBytes, (i + 1) * idBytes);
			mover.addChunk(kind, id, decoded.chunk(i));
		}
	}

	/** The chunks that are in `kept`, by id: none that is damaged. */
	#proven(ids: Bytes): Map<string, BaseChunk> {
		const { tools } = this.#context.kernel;
		const kept = new Map<string, BaseChunk>();
		for (let at = 0; at < ids.length; at += idBytes) {
			const id = ids.slice(at, at + idBytes);
			const place = this.#bases.find(ids, at);
			if (place === undefined) continue;
			const bytes = this.#frames.frame(place).chunk(place.ordinal).slice();
			if (equalBytes(tools.sha256(bytes), id))
				kept.set(idAt(id), { id, bytes });
		}
		return kept;
	}

	#remake(
		{ pack, kind }: MoveTask,
		{ frame, live }: MovingFrame,
		kept: ReadonlyMap<string, BaseChunk>,
	): void {
		const decoded = this.#frames.frame({ pack, ...frame });
		const bases = Array.from({ length: frame.bases.length / idBytes }, (_, i) =>
			idAt(frame.bases, i * idBytes),
		);
		// As a writer pairs them: see DeltaFrames.
		const isPaired = bases.length === live.length;
		const chunks = Array.from(live.keys(), (i) => ({
			id: frame.ids.subarray(i * idBytes, (i + 1) * idBytes),
			bytes: decoded.chunk(i),
			bases: isPaired ? [bases[i] as string] : bases,
		}));
		const alive = chunks.filter((_, i) => live[i] === 1);
		this.#remaker.add(kind, alive, kept);
	}
}
