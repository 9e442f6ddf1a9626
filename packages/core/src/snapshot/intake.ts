import {
	encodeList,
	FrameKind,
	type SegmentPack,
	StorageError,
} from "@varve/format";
import type { WrittenPack } from "@varve/kernel";
import type { ChunkLookup, Stage } from "@varve/store";
import type { Repository } from "../repository.ts";
import { settleUnnamed } from "../settle-seen.ts";
import { ClaimBudget } from "./claim-budget.ts";
import type { StoreList } from "./content-assembly.ts";
import { BaseFinder } from "./delta/base-finder.ts";
import { Harvest, type IngestYield } from "./harvest.ts";
import { Ingest, ingestMemory } from "./ingest.ts";
import { MetaWriter } from "./meta-writer.ts";
import type { SnapshotOptions } from "./options.ts";
import { PackShelf, type WrittenSegment } from "./pack-shelf.ts";
import { readBack } from "./read-back.ts";
import type { Report } from "./report.ts";

/** Bytes of decoded frames that are kept for former trees: they come in the order of the walk. */
const formerMetaBytes = 4 * 1024 * 1024;

export interface IntakeParts {
	readonly options: SnapshotOptions;
	/** undefined for a dry run. */
	readonly stage: Stage | undefined;
	readonly report: Report;
}

/** Where everything ends up that one attempt stores: packs, segments, and what it refers to in packs that were there before. */
export class Intake {
	readonly #repository: Repository;
	readonly #options: SnapshotOptions;
	readonly #stage: Stage | undefined;
	readonly #report: Report;
	readonly #referred = new Map<string, number>();
	#shelf: PackShelf | undefined;
	readonly claims: ClaimBudget;
	readonly meta: MetaWriter;

	constructor(repository: Repository, { options, stage, report }: IntakeParts) {
		this.#repository = repository;
		this.#options = options;
		this.#stage = stage;
		this.#report = report;
		const { kernel, config, tools } = repository;
		this.claims = new ClaimBudget(kernel, config.chunker.min);
		this.meta = new MetaWriter({
			encoder: kernel.encoder(options.compression === "off" ? "off" : "better"),
			packs: kernel.packWriter(FrameKind.meta, () => this.#spool()),
			lookup: async () => {
				await repository.objects.prepare();
				return repository.index.lookup;
			},
			openFinder: this.#storesBeside
				? (lookup) => this.#openFinder(lookup)
				: undefined,
			tools,
			frameBytes: config.frameBytes,
			dryRun: stage === undefined,
		});
	}

	get #storesBeside(): boolean {
		const { delta, compression } = this.#options;
		return delta !== false && compression !== "off";
	}

	#openFinder(lookup: ChunkLookup): BaseFinder {
		const { backend, tools } = this.#repository;
		const sources = { reads: backend.blocking, tools, lookup };
		return new BaseFinder(sources, formerMetaBytes);
	}

	get segments(): readonly WrittenSegment[] {
		return this.#shelf?.segments ?? [];
	}

	/** Of the packs written. */
	get bytesStored(): number {
		return this.#shelf?.bytes ?? 0;
	}

	get packsStored(): number {
		return this.#shelf?.sizes.size ?? 0;
	}

	/** Packs with trees that this run wrote or refers to. */
	get treePacks(): readonly { readonly name: string; readonly size: number }[] {
		const sizes = new Map(this.meta.referred);
		for (const { id, size } of this.meta.packs) sizes.set(id, size);
		return [...sizes].map(([name, size]) => ({ name, size }));
	}

	/** For content that comes through this thread. */
	async openIngest(): Promise<Ingest> {
		const { kernel, index, config, tools, objects } = this.#repository;
		await objects.prepare();
		const packs = kernel.packWriter(FrameKind.content, () => this.#spool());
		return new Ingest({
			cutter: kernel.cutter(ingestMemory),
			encoder: kernel.encoder(this.#options.compression ?? "auto"),
			harvest: new Harvest(packs, index.lookup),
			claims: this.claims.open(),
			tools,
			config,
			openFinder: undefined,
			dryRun: this.#stage === undefined,
			paranoid: this.#options.paranoid ?? false,
		});
	}

	/** What a thread stored since it was last asked. */
	take({ packs, referred, chunksAdded, bytesAdded }: IngestYield): void {
		for (const pack of packs) this.#addPack(pack);
		for (const [pack, size] of referred) this.#referred.set(pack, size);
		this.#report.stored(chunksAdded, bytesAdded);
	}

	readonly storeList: StoreList = (list, former) =>
		this.meta.put(encodeList(list), former).bytes;

	/** Resolves when few enough packs are under way; throws if one of them failed. */
	async room(): Promise<void> {
		await this.#shelf?.room();
	}

	/** Everything that a record will reach is durable when this returns. */
	async finish(): Promise<void> {
		await this.meta.finish();
		for (const pack of this.meta.packs) this.#addPack(pack);
		await this.#shelf?.finish();
	}

	/**
	 * The barrier before the commit: every pack that is referred to and was not written now is there, whole and durable, and was not condemned when
	 * this run began: a gc that had condemned it by then does not wait for this run.
	 */
	async makeSure(): Promise<void> {
		for (const [pack, size] of this.meta.referred)
			this.#referred.set(pack, size);
		if (this.#referred.size === 0) return;
		const { backend, objects, index } = this.#repository;
		const { condemned } = await objects.prepare();
		const listed = await backend.list("packs");
		const sizes = new Map(listed.map(({ name, size }) => [name, size]));
		for (const [pack, size] of this.#referred)
			if (sizes.get(pack) !== size || condemned.has(pack))
				throw new StorageError(
					"PACK_LOST",
					`the pack ${pack} that this snapshot refers to is gone, condemned, or has another size: run the snapshot again`,
					{ pack },
				);
		await settleUnnamed(
			this.#repository,
			index.adopted.filter(({ id }) => this.#referred.has(id)),
		);
	}

	/** Throws away what is not finished, and waits for what is under way. */
	async abandon(): Promise<void> {
		this.meta.discard();
		await this.#shelf?.abandon();
	}

	#addPack(pack: WrittenPack): void {
		const stage = this.#stage;
		if (stage === undefined) return;
		const { tools, index } = this.#repository;
		const { adopted } = index;
		const { verify, paranoid } = this.#options;
		const prove = (pack: SegmentPack) =>
			readBack(this.#repository, stage, pack);
		this.#shelf ??= new PackShelf(stage, tools, {
			adopted: {
				packs: adopted,
				settle: () => settleUnnamed(this.#repository, adopted),
			},
			prove: verify === true || paranoid === true ? prove : undefined,
		});
		this.#shelf.add(pack);
	}

	#spool() {
		if (this.#stage === undefined) throw new Error("a dry run stores nothing");
		return this.#stage.spool.create();
	}
}
