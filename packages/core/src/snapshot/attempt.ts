import {
	type Bytes,
	type ChunkId,
	type Content,
	contentLength,
	encodeList,
	FrameKind,
	type Root,
	StorageError,
	type TreeId,
	utf8,
} from "@varve/format";
import type { WrittenPack } from "@varve/kernel";
import type { ChunkLookup, Stage } from "@varve/store";
import { lookUpNames } from "../accounts.ts";
import type { Repository } from "../repository.ts";
import { type Batch, Batcher, type Reading } from "./batches.ts";
import { ClaimBudget } from "./claim-budget.ts";
import { assembleContent } from "./content-assembly.ts";
import { createFilter, type DirectoryRules } from "./exclude.ts";
import { Ingest, type IngestYield, ingestMemory } from "./ingest.ts";
import { LinkTable } from "./link-table.ts";
import { MetaWriter } from "./meta-writer.ts";
import type { SnapshotOptions, SourceRoot, SourceStream } from "./options.ts";
import { PackShelf, type WrittenSegment } from "./pack-shelf.ts";
import type { Parent } from "./parent.ts";
import { PreviousScan } from "./previous.ts";
import { ReaderCrew, type ReadSink } from "./reader-crew.ts";
import { Report } from "./report.ts";
import { rootOf } from "./root.ts";
import { readScanCopy, ScanCopy } from "./scan-copy.ts";
import { ScanWriter } from "./scan-writer.ts";
import { createSourceFs, type SourceFs } from "./source-fs.ts";
import { ingestStream, streamRoot } from "./stream.ts";
import type { FreshStat, SnapshotSetup } from "./tasks.ts";
import { Traversal } from "./traversal.ts";
import type { WalkParts } from "./walk.ts";

export interface AttemptOptions {
	readonly options: SnapshotOptions;
	/** undefined for a dry run. */
	readonly stage: Stage | undefined;
	readonly parent: Parent | undefined;
	/** ms since 1970. */
	readonly started: number;
}

/** What is stored, ready to be named by a record. */
export interface Taken {
	readonly roots: readonly Root[];
	readonly links: ChunkId | undefined;
	readonly scan: ChunkId | undefined;
	readonly scanKey: string;
	readonly users: { readonly [uid: string]: string };
	readonly groups: { readonly [gid: string]: string };
	readonly report: Report;
}

/** Up to this many bytes or files are read in this thread: starting others would take longer. */
const inlineBytes = 8 * 1024 * 1024;
const inlineFiles = 512;
/** The event loop must have its turn for progress, signals and replies. */
const turnEvery = 256;

/** One try at storing what the roots hold. */
export class SnapshotAttempt implements AsyncDisposable {
	readonly #repository: Repository;
	readonly #options: SnapshotOptions;
	readonly #parent: Parent | undefined;
	readonly #stage: Stage | undefined;
	readonly #started: number;
	readonly #fs: SourceFs = createSourceFs();
	readonly #report: Report;
	readonly #batcher = new Batcher();
	readonly #claims: ClaimBudget;
	readonly #meta: MetaWriter;
	readonly #scan: ScanWriter;
	/** Of the scan state, for this client. */
	readonly scanCopy: ScanCopy;
	readonly #links = new LinkTable();
	readonly #referred = new Map<string, number>();
	#shelf: PackShelf | undefined;
	#crew: ReaderCrew | undefined;
	#closeCrew: (() => Promise<void>) | undefined;
	#held: Batch[] = [];
	#heldBytes = 0;
	#heldFiles = 0;
	#traversal: Traversal | undefined;
	#progressAt = 0;
	#copied = false;

	constructor(
		repository: Repository,
		{ options, stage, parent, started }: AttemptOptions,
	) {
		this.#repository = repository;
		this.#options = options;
		this.#stage = stage;
		this.#parent = parent;
		this.#started = started;
		this.#report = new Report(repository.observer);
		const { kernel, config, tools } = repository;
		this.#claims = new ClaimBudget(kernel, config.chunker.min);
		const noSpool = () => {
			throw new Error("a dry run stores nothing");
		};
		this.#meta = new MetaWriter({
			encoder: kernel.encoder(options.compression === "off" ? "off" : "auto"),
			packs: kernel.packWriter(
				FrameKind.meta,
				stage === undefined ? noSpool : () => stage.spool.create(),
			),
			lookup: () => this.#lookup(),
			tools,
			frameBytes: config.frameBytes,
			dryRun: stage === undefined,
		});
		this.scanCopy = new ScanCopy(kernel.encoder("fastest"));
		this.#scan = new ScanWriter(this.#meta, this.scanCopy);
	}

	get segments(): readonly WrittenSegment[] {
		return this.#shelf?.segments ?? [];
	}

	/** The parent's scan state, if a copy of it is on this client already. */
	get parentScan(): ChunkId | undefined {
		return this.#copied ? this.#parent?.record.scan : undefined;
	}

	/** Stores everything but the record. */
	async store(): Promise<Taken> {
		const { signal } = this.#options;
		signal?.throwIfAborted();
		const scanKey = this.#scanKey();
		const roots =
			this.#options.stream === undefined
				? await this.#storeRoots(scanKey)
				: [await this.#storeStream(this.#options.stream)];
		const links = this.#links.finish(this.#meta);
		const scan = this.#scan.finish();
		await this.#finishStoring();
		const { uids, gids, tally } = this.#report;
		tally.bytesStored = this.#shelf?.bytes ?? 0;
		return {
			roots,
			links: links?.hex as ChunkId | undefined,
			scan: scan?.hex as ChunkId | undefined,
			scanKey,
			...(await lookUpNames(uids, gids)),
			report: this.#report,
		};
	}

	/** The barrier before the commit: every pack that is referred to and was not written now is there, whole. */
	async makeSure(): Promise<void> {
		for (const [pack, size] of this.#meta.referred)
			this.#referred.set(pack, size);
		if (this.#referred.size === 0) return;
		const sizes = new Map(
			(await this.#repository.backend.list("packs")).map(({ name, size }) => [
				name,
				size,
			]),
		);
		for (const [pack, size] of this.#referred)
			if (sizes.get(pack) !== size)
				throw new StorageError(
					"PACK_LOST",
					`the pack ${pack} that this snapshot refers to is gone or has another size: run the snapshot again`,
					{ pack },
				);
	}

	async [Symbol.asyncDispose](): Promise<void> {
		await this.#closeCrew?.();
		this.#meta.discard();
		await this.#shelf?.abandon();
	}

	async #previousScan(key: string): Promise<PreviousScan | undefined> {
		const parent = this.#parent;
		if (parent?.record.scan === undefined || this.#options.force === true)
			return undefined;
		const { cache, objects } = this.#repository;
		this.#meta.addKnown(parent.record.scan);
		const copy = await readScanCopy(cache, key, {
			scan: parent.record.scan,
			decoder: this.#repository.tools.decoder,
		});
		this.#copied = copy !== undefined;
		if (copy !== undefined) {
			for (const id of copy.ids) this.#meta.addKnown(id);
			return new PreviousScan(copy.pieces);
		}
		await objects.prepare();
		return new PreviousScan(copiesOf(objects.pieces(parent.record.scan)));
	}

	#scanKey(): string {
		const { roots, host } = this.#options;
		const name = JSON.stringify([
			host ?? this.#repository.identity.host,
			roots.map(({ path, kind }) => [path, kind]),
		]);
		return this.#repository.tools.sha256Hex(utf8(name)).slice(0, 32);
	}

	async #storeRoots(scanKey: string): Promise<Root[]> {
		const roots = await this.#walkRoots(await this.#previousScan(scanKey));
		await this.#finishReading();
		const trees = this.#traversal?.finished ?? [];
		// The caller refuses a snapshot of nothing.
		if (this.#traversal?.failedRoots === roots.length) return [];
		return roots.map((root, i) => ({ ...root, tree: trees[i] as TreeId }));
	}

	/** The stream becomes a root of one entry. What produced it must have succeeded before anything can be committed. */
	async #storeStream(stream: SourceStream): Promise<Root> {
		const { kernel, index, config } = this.#repository;
		const { compression, time } = this.#options;
		await this.#repository.objects.prepare();
		const stage = this.#stage;
		const noSpool = () => {
			throw new Error("a dry run stores nothing");
		};
		const ingest = new Ingest({
			cutter: kernel.cutter(ingestMemory),
			encoder: kernel.encoder(compression ?? "auto"),
			packs: kernel.packWriter(
				FrameKind.content,
				stage === undefined ? noSpool : () => stage.spool.create(),
			),
			claims: this.#claims.open(),
			lookup: index.lookup,
			tools: this.#repository.tools,
			frameBytes: config.frameBytes,
			dryRun: stage === undefined,
		});
		const sink = this.#streamSink();
		const items = await ingestStream(stream, ingest, {
			...sink,
			expect: (bytes) => this.#claims.expectBytes(1, bytes),
			signal: this.#options.signal,
		});
		const content = assembleContent(items, sink.storeList);
		this.#report.countStream(contentLength(content));
		return streamRoot(stream.name, content, {
			meta: this.#meta,
			time: time ?? this.#started,
		});
	}

	#streamSink() {
		return {
			take: async (stored: IngestYield) => {
				for (const pack of stored.packs) this.#addPack(pack);
				for (const [pack, size] of stored.referred)
					this.#referred.set(pack, size);
				this.#report.stored(stored.chunksAdded, stored.bytesAdded);
				await this.#shelf?.room();
				this.#tellProgress();
			},
			storeList: (list: Content) => this.#meta.put(encodeList(list)).bytes,
		};
	}

	async #walkRoots(
		previous: PreviousScan | undefined,
	): Promise<Omit<Root, "tree">[]> {
		const found = this.#options.roots.flatMap(
			(source) => rootOf(source, this.#fs, this.#report) ?? [],
		);
		const filter = createFilter(this.#options.scope, this.#fs);
		const walk: WalkParts = {
			fs: this.#fs,
			filter,
			previous,
			scan: this.#scan,
			racyFrom: BigInt(this.#started - racyMilliseconds) * 1_000_000n,
			deviceOf: (root) =>
				this.#options.scope.oneFileSystem ? found[root]?.device : undefined,
			avoid: this.#ownFolders(),
			sink: {
				linked: (directory, index, stat) =>
					this.#links.add({ directory, index }, stat),
				unreadable: (path, reason) => this.#report.unreadable(path, reason),
				excluded: (path) => this.#report.excluded(path),
				vanished: (path) => this.#report.vanished(path),
			},
		};
		const { objects } = this.#repository;
		this.#traversal = new Traversal({
			walk,
			fs: this.#fs,
			objects,
			meta: this.#meta,
			scan: this.#scan,
			links: this.#links,
			report: this.#report,
			previousRoots: previous === undefined ? [] : (this.#parent?.roots ?? []),
		});
		for (const [index, { source }] of found.entries())
			await this.#walkRoot(source, index, filter.above(source));
		return found.map(({ root }) => root);
	}

	async #walkRoot(
		source: SourceRoot,
		root: number,
		rules: DirectoryRules,
	): Promise<void> {
		const traversal = this.#traversal as Traversal;
		const path = source.path === "/" ? "/" : `${source.path}/`;
		const only = source.kind === "entries" ? source.names : undefined;
		let readings = traversal.enterRoot({
			parent: undefined,
			indexInParent: 0,
			root,
			path,
			relative: "",
			rules,
			only,
		});
		for (let steps = 1; readings !== undefined; steps++) {
			for (const reading of readings)
				for (const batch of this.#batcher.add(reading)) await this.#read(batch);
			if (this.#meta.crowded) await this.#meta.settle();
			if (steps % turnEvery === 0) await this.#giveTurn();
			readings = traversal.step();
		}
	}

	async #giveTurn(): Promise<void> {
		await new Promise((resolve) => setImmediate(resolve));
		this.#options.signal?.throwIfAborted();
		this.#tellProgress();
	}

	#tellProgress(): void {
		const now = this.#repository.clock.now();
		if (now - this.#progressAt < progressMilliseconds) return;
		this.#progressAt = now;
		const { filesDone, bytesDone, unread } = this.#report;
		const current = this.#traversal?.current;
		const known = {
			totalFiles: undefined,
			totalBytes: undefined,
			fraction: undefined,
		};
		const step = {
			phase: "store",
			files: filesDone,
			bytes: bytesDone,
			...known,
			current,
			errors: unread.length,
		};
		this.#repository.observer.on({ type: "step", verb: "snapshot", step });
	}

	/** Holds the first batches back until it is clear whether other threads are worth starting. */
	async #read(batch: Batch): Promise<void> {
		if (this.#crew === undefined) {
			this.#held.push(batch);
			this.#heldBytes += batch.type === "files" ? batch.bytes : batch.length;
			this.#heldFiles += batch.type === "files" ? batch.files.length : 1;
			if (this.#heldBytes > inlineBytes || this.#heldFiles > inlineFiles)
				await this.#startReading(this.#repository.workers);
			return;
		}
		await this.#submit(this.#crew, batch);
	}

	async #submit(crew: ReaderCrew, batch: Batch): Promise<void> {
		await crew.submit(batch, this.#claims.expect(batch));
		await this.#shelf?.room();
		this.#tellProgress();
		this.#options.signal?.throwIfAborted();
	}

	async #startReading(workers: number): Promise<ReaderCrew> {
		const crew = await this.#startCrew(workers);
		const held = this.#held;
		this.#held = [];
		for (const batch of held) await this.#submit(crew, batch);
		return crew;
	}

	async #startCrew(workers: number): Promise<ReaderCrew> {
		const { objects, index, startCrew } = this.#repository;
		const { signal, compression, readRate } = this.#options;
		await objects.prepare();
		const size = Math.max(workers, 1);
		const setup: SnapshotSetup = {
			lookup: index.lookupDescriptor,
			stage: this.#stage?.descriptor,
			claims: this.#claims.buffers,
			compression: compression ?? "auto",
			dryRun: this.#stage === undefined,
			readRate: readRate === undefined ? undefined : readRate / size,
		};
		const crew = await startCrew({
			workers:
				this.#stage !== undefined && this.#stage.descriptor === undefined
					? 0
					: workers,
			signal,
			job: "snapshot",
			setup,
			stage: this.#stage,
		});
		this.#closeCrew = () => crew.close();
		this.#crew = new ReaderCrew(crew, this.#readSink());
		return this.#crew;
	}

	async #finishReading(): Promise<void> {
		for (const batch of this.#batcher.rest()) await this.#read(batch);
		if (this.#held.length > 0) await this.#startReading(0);
		await this.#crew?.finish();
	}

	/** Everything that the record will reach is durable when this returns. */
	async #finishStoring(): Promise<void> {
		await this.#meta.finish();
		for (const pack of this.#meta.packs) this.#addPack(pack);
		await this.#shelf?.finish();
	}

	#addPack(pack: WrittenPack): void {
		if (this.#stage === undefined) return;
		this.#shelf ??= new PackShelf(
			this.#stage,
			this.#repository.tools,
			this.#repository.index.adopted,
		);
		this.#shelf.add(pack);
	}

	async #lookup(): Promise<ChunkLookup> {
		await this.#repository.objects.prepare();
		return this.#repository.index.lookup;
	}

	#readSink(): ReadSink {
		const traversal = this.#traversal as Traversal;
		const report = this.#report;
		return {
			read: (file, content, { torn, stat }) => {
				report.fileDone(file);
				if (torn) report.unreadable(pathOf(file), "CHANGED");
				traversal.fileRead(
					file,
					{ content, torn, sparse: sparseOf(file, stat) },
					stat,
				);
			},
			vanished: (file) => {
				report.fileLost(file);
				report.vanished(pathOf(file));
				traversal.fileDropped(file);
			},
			failed: (file, reason) => {
				report.fileLost(file);
				report.unreadable(pathOf(file), reason);
				traversal.fileDropped(file);
			},
			packWritten: (pack) => this.#addPack(pack),
			referred: (pack, size) => this.#referred.set(pack, size),
			added: (chunks, bytes) => report.stored(chunks, bytes),
			storeList: (list: Content) => this.#meta.put(encodeList(list)).bytes,
		};
	}

	/** The repository is left out of its own snapshots. */
	#ownFolders(): Set<string> {
		const stat =
			this.#repository.backend.descriptor === undefined
				? undefined
				: this.#fs.lstat(this.#repository.backend.descriptor.path);
		return new Set(stat === undefined ? [] : [`${stat.dev}:${stat.ino}`]);
	}
}

/**
 * What changed less than this before the snapshot began may change again within the same tick of the file system's clock, and is read
 * again next time. Ticks are 4 to 10 ms on local Linux file systems, 2 s on FAT.
 */
const racyMilliseconds = 2000;
const progressMilliseconds = 100;

function pathOf({ directory, index }: Reading): string {
	return directory.path + (directory.names[index] as string);
}

function sparseOf(
	{ directory, index }: Reading,
	stat: FreshStat | undefined,
): boolean {
	return stat === undefined ? directory.sparse.has(index) : stat.sparse;
}

function* copiesOf(pieces: Iterable<Bytes>): Generator<Bytes> {
	for (const piece of pieces) yield piece.slice();
}
