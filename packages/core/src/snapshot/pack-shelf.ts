import { encodeSegment, type SegmentId, type SegmentPack } from "@varve/format";
import type { Toolbox, WrittenPack } from "@varve/kernel";
import type { Stage } from "@varve/store";

const rawPerSegment = 1024 ** 3;
/** A segment is made in memory: this many chunks take about 30 MB meanwhile. */
const chunksPerSegment = 256 * 1024;
const maxUnderWay = 4;
const maxKept = 1024 * 1024;

/** A segment that is durable. */
export interface WrittenSegment {
	readonly id: SegmentId;
	readonly bytes: Uint8Array;
}

/** Packs that no segment names. */
export interface AdoptedPacks {
	readonly packs: readonly SegmentPack[];
	/** Makes them durable; waited for before a segment names them. */
	readonly settle: () => Promise<void>;
}

export interface PackShelfOptions {
	/** Of others, to be named too. */
	readonly adopted: AdoptedPacks | undefined;
	/** Asked of each pack once it is durable and before a segment names it; what it throws ends the run. */
	readonly prove: ((pack: SegmentPack) => Promise<void>) | undefined;
}

/** Makes packs durable as they come, and names them in segments: one for each GiB of content at least. */
export class PackShelf {
	readonly #stage: Stage;
	readonly #tools: Pick<Toolbox, "sha256Hex">;
	/** Durable packs that no segment names yet. */
	#unnamed: SegmentPack[] = [];
	/** Of others, until they are named. */
	#adopted: AdoptedPacks | undefined;
	#unnamedRaw = 0;
	#unnamedChunks = 0;
	readonly #underWay = new Set<Promise<void>>();
	#failure: unknown;
	readonly #prove: PackShelfOptions["prove"];
	/** Small segments, which this client's index takes up at once; it finds the others when they are needed. */
	readonly segments: WrittenSegment[] = [];
	/** Sizes of all packs put, by id. */
	readonly sizes = new Map<string, number>();
	bytes = 0;

	constructor(
		stage: Stage,
		tools: Pick<Toolbox, "sha256Hex">,
		{ adopted, prove }: PackShelfOptions,
	) {
		this.#stage = stage;
		this.#tools = tools;
		this.#adopted = adopted;
		this.#prove = prove;
	}

	/** Starts to make a pack durable; a failure surfaces at the next `room` or `finish`. */
	add(pack: WrittenPack): void {
		const work: Promise<void> = this.#put(pack)
			.catch((error: unknown) => {
				this.#failure ??= error;
			})
			.finally(() => this.#underWay.delete(work));
		this.#underWay.add(work);
	}

	/** Resolves when few enough packs are under way. */
	async room(): Promise<void> {
		while (this.#underWay.size >= maxUnderWay)
			await Promise.race(this.#underWay);
		this.#throwFailure();
		if (
			this.#unnamedRaw >= rawPerSegment ||
			this.#unnamedChunks >= chunksPerSegment
		)
			await this.#writeSegment();
	}

	/** Resolves when all packs are durable and named in durable segments. */
	async finish(): Promise<void> {
		while (this.#underWay.size > 0) await Promise.race(this.#underWay);
		this.#throwFailure();
		const { length } = this.#adopted?.packs ?? [];
		if (this.#unnamed.length + length > 0) await this.#writeSegment();
	}

	/** Waits for what is under way, whatever comes of it: the stage is about to go. */
	async abandon(): Promise<void> {
		await Promise.all(this.#underWay);
	}

	async #put(pack: WrittenPack): Promise<void> {
		const { id, size, kind, frames } = pack;
		await this.#stage.put("packs", id, pack.spool);
		await this.#prove?.({ id, size, kind, frames });
		this.sizes.set(id, size);
		this.bytes += size;
		this.#unnamed.push({ id, size, kind, frames });
		for (const frame of frames) {
			this.#unnamedRaw += frame.rawLength;
			this.#unnamedChunks += frame.lengths.length;
		}
	}

	async #writeSegment(): Promise<void> {
		const adopted = this.#adopted;
		const packs = [...(adopted?.packs ?? []), ...this.#unnamed];
		this.#adopted = undefined;
		this.#unnamed = [];
		this.#unnamedRaw = 0;
		this.#unnamedChunks = 0;
		await adopted?.settle();
		const bytes = encodeSegment(this.#stage.lease, packs);
		const id = this.#tools.sha256Hex(bytes) as SegmentId;
		await this.#stage.putBytes("segments", id, bytes);
		if (bytes.length <= maxKept) this.segments.push({ id, bytes });
	}

	#throwFailure(): void {
		if (this.#failure !== undefined) throw this.#failure;
	}
}
