import {
	type ChunkId,
	CorruptError,
	type Root,
	type TreeId,
	utf8,
} from "@varve/format";
import type { Stage } from "@varve/store";
import { lookUpNames } from "../accounts.ts";
import { XattrReader } from "../native/xattr-reader.ts";
import type { Repository } from "../repository.ts";
import { createFilter, type DirectoryRules } from "./exclude.ts";
import { Intake } from "./intake.ts";
import { LinkTable } from "./link-table.ts";
import { directoryReader } from "./native-reader.ts";
import { openPreviousScan } from "./open-previous.ts";
import type { SnapshotOptions, SourceRoot } from "./options.ts";
import type { WrittenSegment } from "./pack-shelf.ts";
import { keepsAsMuch, type Parent } from "./parent.ts";
import type { PreviousScan } from "./previous.ts";
import { racyWindow } from "./racy.ts";
import { createReadSink } from "./read-sink.ts";
import { ReadingQueue } from "./reading-queue.ts";
import { Report } from "./report.ts";
import { type FoundRoot, rootOf } from "./root.ts";
import { ScanCopy } from "./scan-copy.ts";
import { type FormerScan, ScanWriter } from "./scan-writer.ts";
import { Scouts } from "./scouts.ts";
import { createSourceFs, type SourceFs } from "./source-fs.ts";
import { type StreamRootParts, storeStream } from "./stream.ts";
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
	/** None if nothing could be read. */
	readonly roots: readonly Root[];
	readonly links: ChunkId | undefined;
	readonly scan: ChunkId | undefined;
	readonly scanKey: string;
	readonly users: { readonly [uid: string]: string };
	readonly groups: { readonly [gid: string]: string };
	readonly report: Report;
}

/** The event loop must have its turn for progress, signals and replies. */
const turnEvery = 256;
const progressMilliseconds = 100;
/** Entries in the parent from which on other threads list directories ahead: with fewer, their start costs what they save. */
const worthScouts = 150_000;
/** One try at storing what the roots hold. */
export class SnapshotAttempt implements AsyncDisposable {
	readonly #repository: Repository;
	readonly #options: SnapshotOptions;
	readonly #parent: Parent | undefined;
	readonly #started: number;
	readonly #racyFrom: bigint;
	readonly #fs: SourceFs;
	readonly #report: Report;
	readonly #scan: ScanWriter;
	readonly #xattrs = new XattrReader();
	readonly #links = new LinkTable();
	readonly #queue: ReadingQueue;
	readonly #traversal: Traversal;
	readonly #found: readonly FoundRoot[];
	readonly intake: Intake;
	/** Of the scan state, for this client. */
	readonly scanCopy: ScanCopy;
	#previous: PreviousScan | undefined;
	#scouts: Scouts | undefined;
	/** The parent's scan state, if this client has a copy. */
	#former: FormerScan | undefined;
	#prepared = false;
	#progressAt = 0;

	constructor(
		repository: Repository,
		{ options, stage, parent, started }: AttemptOptions,
	) {
		this.#repository = repository;
		this.#options = options;
		this.#parent = parent;
		this.#started = started;
		const window = racyWindow(options.roots.map(({ path }) => path));
		this.#racyFrom = BigInt(started - window) * 1_000_000n;
		this.#fs = options.sourceFs ?? createSourceFs();
		this.#report = new Report(repository.observer, this.#xattrs.available);
		this.#found = options.roots.flatMap(
			(source) =>
				rootOf(source, {
					fs: this.#fs,
					xattrs: this.#xattrs,
					report: this.#report,
				}) ?? [],
		);
		const { kernel } = repository;
		const intake = new Intake(repository, {
			options,
			stage,
			report: this.#report,
		});
		this.intake = intake;
		this.scanCopy = new ScanCopy(kernel.encoder("fastest"));
		this.#scan = new ScanWriter(intake.meta, this.scanCopy, (block) =>
			this.#previous?.pieceWith(block),
		);
		this.#traversal = this.#newTraversal();
		const sink = createReadSink({
			report: this.#report,
			traversal: this.#traversal,
			intake,
			tellProgress: () => this.#tellProgress(),
		});
		this.#queue = new ReadingQueue({
			repository,
			options,
			stage,
			intake,
			sink,
		});
	}

	get segments(): readonly WrittenSegment[] {
		return this.intake.segments;
	}

	/** The parent's scan state, if a copy of it is on this client already. */
	get parentScan(): ChunkId | undefined {
		return this.#former?.list;
	}

	/** Stores everything but the record. */
	async store(): Promise<Taken> {
		const { signal, stream } = this.#options;
		signal?.throwIfAborted();
		const scanKey = this.#scanKey();
		const roots =
			stream === undefined
				? await this.#storeRoots(scanKey)
				: [await storeStream(stream, this.#streamParts())];
		const links = this.#links.finish(this.intake.meta);
		const scan = this.#scan.finish(this.#former);
		await this.intake.finish();
		const { uids, gids, tally } = this.#report;
		tally.bytesStored = this.intake.bytesStored;
		return {
			roots,
			links: links?.hex as ChunkId | undefined,
			scan,
			scanKey,
			...(await lookUpNames(uids, gids)),
			report: this.#report,
		};
	}

	async [Symbol.asyncDispose](): Promise<void> {
		await this.#scouts?.close();
		await this.#queue.close();
		await this.intake.abandon();
	}

	async #storeRoots(scanKey: string): Promise<Root[]> {
		this.#previous = await this.#previousScan(scanKey);
		// A repair has moved packs away: the parent may have a hole, though nothing in the source has changed.
		const away = await this.#repository.backend.list("quarantine");
		if (away.some(({ name }) => name.startsWith("packs.")))
			await this.#preparePreviousTrees();
		await this.#startScouts();
		const filter = createFilter(this.#options.scope, this.#fs);
		for (const [index, { source }] of this.#found.entries())
			await this.#walkRoot(source, index, filter.above(source));
		await this.#readAll();
		const { finished, failedRoots } = this.#traversal;
		// The caller refuses a snapshot of nothing.
		if (failedRoots === this.#found.length) return [];
		return this.#found.map(({ root }, i) => ({
			...root,
			tree: finished[i] as TreeId,
		}));
	}

	/** What is read last may show that more must be read. */
	async #readAll(): Promise<void> {
		await this.#queue.finish();
		for (
			let overdue = this.#traversal.takeOverdue();
			overdue.length > 0;
			overdue = this.#traversal.takeOverdue()
		) {
			for (const reading of overdue) await this.#queue.add(reading);
			await this.#queue.finish();
		}
	}

	async #previousScan(key: string): Promise<PreviousScan | undefined> {
		const record = this.#inherited?.record;
		if (record?.scan === undefined) return undefined;
		const { scan } = record;
		const { observer } = this.#repository;
		if (!keepsAsMuch(record, this.#report.kept)) {
			const message = "the parent snapshot has no extended attributes";
			observer.on({ type: "trace", message: `${message}: all is read again` });
			return undefined;
		}
		this.#report.countNamed(record);
		this.intake.meta.addKnown(scan);
		const { previous, copied } = await openPreviousScan(
			this.#repository,
			scan,
			key,
		);
		if (copied !== undefined) {
			this.#former = { list: scan, ids: copied };
			for (const id of copied) this.intake.meta.addKnown(id);
		}
		return previous;
	}

	/** The snapshot whose trees may stand, unless everything is to be read. */
	get #inherited(): Parent | undefined {
		return this.#options.force === true ? undefined : this.#parent;
	}

	/** Names the source: which host, which roots. */
	#scanKey(): string {
		const { roots, host } = this.#options;
		const { identity, tools } = this.#repository;
		const paths = roots.map(({ path, kind }) => [path, kind]);
		const name = JSON.stringify([host ?? identity.host, paths]);
		return tools.sha256Hex(utf8(name)).slice(0, 32);
	}

	#streamParts(): StreamRootParts {
		const { signal, time = this.#started } = this.#options;
		const tellProgress = () => this.#tellProgress();
		const { intake } = this;
		return { intake, report: this.#report, time, signal, tellProgress };
	}

	#newTraversal(): Traversal {
		const { objects } = this.#repository;
		return new Traversal({
			walk: this.#walkParts(),
			fs: this.#fs,
			objects,
			meta: this.intake.meta,
			scan: this.#scan,
			links: this.#links,
			report: this.#report,
			xattrs: this.#xattrs,
			previousRoots: this.#inherited?.roots ?? [],
		});
	}

	#walkParts(): WalkParts {
		const { scope } = this.#options;
		const device = (root: number) => this.#found[root]?.device;
		return {
			fs: this.#fs,
			reader: directoryReader(this.#options.sourceFs),
			filter: createFilter(scope, this.#fs),
			previous: () => this.#previous,
			scan: this.#scan,
			scouted: (path) => this.#scouts?.take(path),
			racyFrom: this.#racyFrom,
			deviceOf: scope.oneFileSystem ? device : () => undefined,
			avoid: this.#ownFolders(),
			sink: {
				linked: (directory, index, stat) =>
					this.#links.add({ directory, index }, stat),
				unreadable: (path, reason) => this.#report.unreadable(path, reason),
				excluded: (path) => this.#report.excluded(path),
				vanished: (path) => this.#report.vanished(path),
			},
		};
	}

	/** The repository is left out of its own snapshots. */
	#ownFolders(): Set<string> {
		const { descriptor } = this.#repository.backend;
		const stat =
			descriptor === undefined ? undefined : this.#fs.lstat(descriptor.path);
		return new Set(stat === undefined ? [] : [`${stat.dev}:${stat.ino}`]);
	}

	async #walkRoot(
		source: SourceRoot,
		root: number,
		rules: DirectoryRules,
	): Promise<void> {
		let readings = this.#traversal.enterRoot({
			parent: undefined,
			indexInParent: 0,
			root,
			path: withSlash(source.path),
			relative: "",
			rules,
			only: source.kind === "entries" ? source.names : undefined,
		});
		for (let steps = 1; readings !== undefined; steps++) {
			// Before the next step may turn a changed directory into a tree.
			if (this.#traversal.changed) await this.#preparePreviousTrees();
			const overdue = this.#traversal.takeOverdue();
			for (const reading of [...readings, ...overdue])
				await this.#queue.add(this.#traversal.formers.withFormer(reading));
			if (this.intake.meta.crowded) await this.intake.meta.settle();
			if (steps % turnEvery === 0) await this.#giveTurn();
			await this.#scoutAhead();
			readings = this.#traversal.step();
		}
	}

	/** Only a walk that goes by what is unchanged is held up by listing; any other one is busy with content. */
	async #startScouts(): Promise<void> {
		const known = this.#parent?.record.statistics;
		const { workers, startCrew } = this.#repository;
		if (this.#previous === undefined || known === undefined || workers < 2)
			return;
		if (known.files + known.directories < worthScouts) return;
		const { signal } = this.#options;
		const crew = await startCrew({ workers, signal, job: "scout", setup: {} });
		const roots = this.#found.map(({ root: { path } }) => withSlash(path));
		this.#scouts = new Scouts({
			crew,
			previous: this.#previous,
			roots,
			racyFrom: this.#racyFrom,
		});
	}

	async #scoutAhead(): Promise<void> {
		const scouts = this.#scouts;
		if (scouts === undefined) return;
		const { next } = this.#traversal;
		if (next !== undefined && scouts.isComing(next)) await scouts.arrived(next);
	}

	async #preparePreviousTrees(): Promise<void> {
		if (this.#prepared) return;
		this.#prepared = true;
		if (this.#inherited === undefined) return;
		const { objects, index } = this.#repository;
		await objects.prepare();
		// What the parent holds may have been in them: whoever inherits it hands a hole on to every snapshot to come.
		const [lost] = index.lost;
		if (lost !== undefined)
			throw new CorruptError(
				"PACKS_LOST",
				`${index.lost.length} packs are missing or cut short, pack ${lost} for one: varve verify says what they held`,
				{ pack: lost },
			);
	}

	async #giveTurn(): Promise<void> {
		await new Promise((resolve) => setImmediate(resolve));
		this.#options.signal?.throwIfAborted();
		this.#tellProgress();
	}

	#tellProgress(): void {
		const { clock, observer } = this.#repository;
		const now = clock.now();
		if (now - this.#progressAt < progressMilliseconds) return;
		this.#progressAt = now;
		const step = this.#report.step(
			this.#traversal.current,
			this.#parent?.record.statistics,
		);
		observer.on({ type: "step", verb: "snapshot", step });
	}
}

function withSlash(path: string): string {
	return path === "/" ? path : `${path}/`;
}
