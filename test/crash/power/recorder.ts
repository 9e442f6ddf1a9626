import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import {
	type Clock,
	forget,
	type Identity,
	initRepository,
	listSnapshots,
	openRepository,
	planByHand,
	type Repository,
	type SnapshotId,
	type SnapshotOptions,
	snapshot,
	unforget,
} from "@varve/core";
import { type Bytes, wholeScope } from "@varve/format";
import { createLocalBackend, openLocalBackend } from "@varve/store";
import { faultyBackend } from "@varve/testkit";
import { type Loss, UnsyncedDisk } from "./loss.ts";
import type { DiskImage, Operation } from "./operations.ts";
import { SimulatedFs, type SimulationOptions } from "./simulated-fs.ts";
import {
	type Content,
	contentOfFolder,
	growSource,
	hashOf,
} from "./sources.ts";

const never = Number.POSITIVE_INFINITY;

/** Where the repository lies on the simulated disk. */
export const location = "/disk/repository";

const smallParameters = {
	chunker: { algorithm: "gear1", min: 256, average: 1024, max: 4096 },
	frameBytes: 4096,
	packBytes: 8192,
} as const;

/** Far ahead of the times of all files, so that nothing is too young to be trusted, and never the same twice. */
let now = Date.now() + 3_600_000;
const lateClock: Clock = { now: () => now++, offsetMinutes: () => 0 };

/** A machine that is always the same, in one boot or another. */
export function machine(boot: number): Partial<Identity> {
	const machineId = "0123456789abcdef0123456789abcdef";
	const bootId = `00000000-0000-4000-8000-${String(boot).padStart(12, "0")}`;
	return { host: "simulated", machineId, bootId };
}

/** Of a process that will not be there when others look. */
const gone = { pid: 2 ** 22 + 1, startTicks: "1" };

export interface OpenHow {
	/** The process will be seen as dead by the next one. */
	readonly dies?: boolean;
	readonly boot?: number;
}

/** Opens the repository on a simulated disk; all of it runs in this thread. */
export async function openOn(
	disk: SimulatedFs,
	{ dies = false, boot = 1 }: OpenHow = {},
): Promise<Repository> {
	const backend = await openLocalBackend(location, { fs: disk.layer });
	return openRepository({
		location: faultyBackend(backend, []),
		workers: 0,
		clock: lateClock,
		identity: { ...machine(boot), ...(dies ? gone : {}) },
	});
}

/** Makes a repository with packs of a few KiB. */
export async function initOn(disk: SimulatedFs): Promise<void> {
	const backend = await createLocalBackend(location, { fs: disk.layer });
	const repository = await initRepository({
		location: faultyBackend(backend, []),
		parameters: smallParameters,
		workers: 0,
	});
	await repository.close();
}

/** Something that was reported as done, and stands from then on. */
export interface Promised {
	/** Operations recorded before it was. */
	since: number;
	/** Operations recorded before it was asked to be taken back; undefined if it never was. */
	until?: number;
}

export interface PromisedSnapshot extends Promised {
	readonly id: SnapshotId;
	readonly content: Content;
}

export interface PromisedOblivion extends Promised {
	readonly id: SnapshotId;
}

export interface PromisedLabels extends Promised {
	readonly id: SnapshotId;
	readonly tags: readonly string[];
	readonly pin: boolean;
}

export interface Mending {
	readonly work: (repository: Repository) => Promise<unknown>;
	/** All that was promised can be read before. */
	readonly isReadable: boolean;
}

/** What was done to a disk, and what may be relied on after any part of it. */
export interface Recording {
	readonly scenario: string;
	/** All of it durable. */
	readonly base: DiskImage;
	readonly operations: readonly Operation[];
	/** Operations before there was a repository for certain. */
	readonly repositorySince: number;
	readonly snapshots: readonly PromisedSnapshot[];
	readonly labels: readonly PromisedLabels[];
	/** Snapshots that were reported as forgotten. */
	readonly forgotten: readonly PromisedOblivion[];
	/** All that any snapshot may hold. */
	readonly contents: readonly Content[];
	/** What the next snapshot is taken of: as it was left. */
	readonly source: string;
	/** What was damaged before must be mended by this, whatever the loss has left of it. */
	readonly mend: Mending | undefined;
}

/** Runs a scenario on a simulated disk, and keeps account of what it was promised. */
export class Recorder {
	disk: SimulatedFs;
	readonly source: string;
	readonly #scenario: string;
	readonly #snapshots: PromisedSnapshot[] = [];
	readonly #labels: PromisedLabels[] = [];
	readonly #forgotten: PromisedOblivion[] = [];
	readonly #contents: Content[] = [];
	readonly #folder: string;
	#mend: Recording["mend"];
	#base: DiskImage;
	#repositorySince = never;

	constructor(scenario: string, options: SimulationOptions = {}) {
		this.#scenario = scenario;
		this.disk = new SimulatedFs(undefined, options);
		this.disk.makeFolder("/disk");
		this.#base = this.disk.settle();
		this.#folder = mkdtempSync(join(tmpdir(), "varve-power-"));
		this.source = join(this.#folder, "source");
	}

	/** Removes the source. */
	[Symbol.dispose](): void {
		rmSync(this.#folder, { recursive: true, force: true });
	}

	/** What was done so far is taken to be durable; what comes now is under test. */
	settle(): void {
		this.#base = this.disk.settle();
		for (const promises of [this.#snapshots, this.#labels, this.#forgotten])
			for (const promise of promises) {
				promise.since = promise.until === undefined ? 0 : never;
				promise.until &&= never;
			}
		if (this.#repositorySince <= this.#now) this.#repositorySince = 0;
	}

	get #now(): number {
		return this.disk.operations.length;
	}

	recording(): Recording {
		return {
			scenario: this.#scenario,
			base: this.#base,
			operations: this.disk.operations,
			repositorySince: this.#repositorySince,
			snapshots: this.#snapshots,
			labels: this.#labels,
			forgotten: this.#forgotten,
			contents: this.#contents,
			source: this.source,
			mend: this.#mend,
		};
	}

	async init(): Promise<void> {
		await initOn(this.disk);
		this.#repositorySince = this.#now;
	}

	/** Opens, works, closes. */
	async within<T>(
		work: (repository: Repository) => Promise<T>,
		how?: OpenHow,
	): Promise<T> {
		const repository = await openOn(this.disk, how);
		try {
			return await work(repository);
		} finally {
			await repository.close();
		}
	}

	/** Lays the source out anew, as its `version` says. */
	change(version: number): void {
		this.#contents.push(growSource(this.source, version));
	}

	/** A snapshot of the source; from the moment on when that resolves, it must be there. */
	async take(
		repository: Repository,
		options: Partial<SnapshotOptions> = {},
	): Promise<SnapshotId> {
		return this.takeOf(repository, this.source, options);
	}

	/** The same of another folder. */
	async takeOf(
		repository: Repository,
		folder: string,
		options: Partial<SnapshotOptions> = {},
	): Promise<SnapshotId> {
		const content = contentOfFolder(folder);
		this.#contents.push(content);
		const { id } = await takeIn(repository, folder, options);
		this.#snapshots.push({ id, content, since: this.#now });
		return id;
	}

	/** The same of a stream of these bytes. */
	async takeStream(repository: Repository, bytes: Bytes): Promise<SnapshotId> {
		const content = new Map([["/stream", hashOf(bytes)]]);
		this.#contents.push(content);
		const parts = (async function* () {
			for (let at = 0; at < bytes.length; at += 3000)
				yield bytes.subarray(at, at + 3000);
		})();
		const done = Promise.resolve();
		const stream = { name: "stream", bytes: parts, done };
		const { id } = await takeIn(repository, "", { stream });
		this.#snapshots.push({ id, content, since: this.#now });
		return id;
	}

	/** The power is lost now; what is done from here on is done to what is left. */
	losePower(loss: Loss): void {
		const left = new UnsyncedDisk(this.#base);
		for (const operation of this.disk.operations) left.apply(operation);
		this.#base = left.afterLoss(loss);
		this.disk = new SimulatedFs(this.#base);
		this.settle();
	}

	/** Labels of a snapshot that were just acknowledged: they hold until the next ones are asked for. */
	labelled(id: SnapshotId, tags: readonly string[], isPinned: boolean): void {
		this.#labels.push({ id, tags, pin: isPinned, since: this.#now });
	}

	/** From now on labels of this snapshot may be others. */
	relabelling(id: SnapshotId): void {
		this.#endAll(this.#labels, [id]);
	}

	/** Forgets these snapshots: from now on they may be gone, and when it is done they must be. */
	async forget(ids: readonly SnapshotId[]): Promise<void> {
		this.#endAll(this.#snapshots, ids);
		this.#endAll(this.#labels, ids);
		await this.within(async (r) => {
			const all = await listSnapshots(r);
			await forget(r, planByHand(all.filter(({ id }) => ids.includes(id))));
		});
		for (const id of ids) this.#forgotten.push({ id, since: this.#now });
	}

	/** The repository is damaged from now on, until this has mended it. */
	mendsBy(mend: Mending): void {
		this.#mend = mend;
	}

	/** Nobody promises any more that these are there. */
	mayGo(ids: readonly SnapshotId[]): void {
		for (const promise of this.#snapshots)
			if (ids.includes(promise.id)) promise.until = -1;
	}

	/** Another snapshot is in the place of this one, without what is lost. */
	replaced(
		id: SnapshotId,
		replacement: SnapshotId,
		lost: readonly { readonly path: string }[],
	): void {
		const before = this.#snapshots.find((each) => each.id === id)?.content;
		const gone = new Set(
			lost.map(({ path }) => path.slice(this.source.length)),
		);
		const content = new Map(
			[...(before ?? [])].filter(([at]) => !gone.has(at)),
		);
		this.#contents.push(content);
		this.#snapshots.push({ id: replacement, content, since: this.#now });
	}

	/** Brings them back. */
	async unforget(ids: readonly SnapshotId[]): Promise<void> {
		this.#endAll(this.#forgotten, ids);
		await this.within((r) => unforget(r, ids));
		for (const id of ids) {
			const before = this.#snapshots.find((each) => each.id === id);
			const content = before?.content ?? new Map();
			this.#snapshots.push({ id, content, since: this.#now });
		}
	}

	#endAll(
		promises: (Promised & { id: SnapshotId })[],
		ids: readonly SnapshotId[],
	): void {
		for (const promise of promises)
			if (ids.includes(promise.id)) promise.until ??= this.#now;
	}
}

export async function takeIn(
	repository: Repository,
	path: string,
	options: Partial<SnapshotOptions> = {},
): Promise<{ id: SnapshotId }> {
	const root = { path, kind: "directory", names: [] } as const;
	const roots = options.stream === undefined ? [root] : [];
	const { id } = await snapshot(repository, {
		roots,
		scope: wholeScope,
		...options,
	});
	if (id === undefined) throw new Error("no snapshot was taken");
	return { id };
}

export function isWithin({ since, until }: Promised, point: number): boolean {
	return since <= point && (until === undefined || point <= until);
}
