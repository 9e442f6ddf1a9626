import {
	type Bytes,
	ConflictError,
	equalBytes,
	type LeaseId,
} from "@varve/format";
import type {
	Abortable,
	BlockingReads,
	FileKind,
	ListedFile,
	Range,
	RemoveBackend,
	Spool,
	SpoolFile,
	Stage,
} from "./backend.ts";
import { notFound, tooShort } from "./blocking-reads.ts";
import { fenced } from "./fs-errors.ts";
import { quarantineName } from "./quarantine.ts";

/** A repository in the memory of this thread, for tests. */
export function createMemoryBackend(): RemoveBackend {
	return new MemoryBackend();
}

type Files = Map<string, Bytes>;

class MemoryBackend implements RemoveBackend {
	readonly location = "memory";
	readonly descriptor = undefined;
	readonly blocking: BlockingReads;
	readonly #kinds = new Map<FileKind, Files>();
	readonly #stages = new Map<LeaseId, Files>();
	readonly #staged = new Set<LeaseId>();

	constructor() {
		this.blocking = {
			readInto: (kind, name, at, target) =>
				target.set(this.#part(kind, name, { at, length: target.length })),
			size: (kind, name) => this.#filesOf(kind).get(name)?.length,
			close: () => undefined,
		};
	}

	#filesOf(kind: FileKind): Files {
		let files = this.#kinds.get(kind);
		if (!files) {
			files = new Map();
			this.#kinds.set(kind, files);
		}
		return files;
	}

	#part(kind: FileKind, name: string, range?: Range): Bytes {
		const bytes = this.#filesOf(kind).get(name);
		if (!bytes) throw notFound(kind, name);
		const end = range ? range.at + range.length : bytes.length;
		if (end > bytes.length) throw tooShort(kind, name, end);
		return bytes.subarray(range?.at ?? 0, end);
	}

	async list(kind: FileKind, options: Abortable = {}): Promise<ListedFile[]> {
		options.signal?.throwIfAborted();
		return [...this.#filesOf(kind)].map(([name, bytes]) => ({
			name,
			size: bytes.length,
		}));
	}

	async read(kind: FileKind, name: string, range?: Range): Promise<Bytes> {
		return this.#part(kind, name, range).slice();
	}

	async size(kind: FileKind, name: string): Promise<number | undefined> {
		return this.#filesOf(kind).get(name)?.length;
	}

	async space(): Promise<number | undefined> {
		return undefined;
	}

	async stage(lease: LeaseId): Promise<Stage> {
		if (this.#staged.has(lease))
			throw new ConflictError(
				"FENCED",
				`the lease ${lease} has had a stage already`,
				{ lease },
			);
		this.#staged.add(lease);
		this.#stages.set(lease, new Map());
		return new MemoryStage(lease, {
			staged: () => this.#stagedFiles(lease),
			filesOf: (kind) => this.#filesOf(kind),
			release: () => this.#stages.delete(lease),
		});
	}

	#stagedFiles(lease: LeaseId): Files {
		const files = this.#stages.get(lease);
		if (!files) throw fenced(lease);
		return files;
	}

	async listStages(): Promise<LeaseId[]> {
		return [...this.#stages.keys()];
	}

	async fence(lease: LeaseId): Promise<boolean> {
		return this.#stages.delete(lease);
	}

	/** What is renamed away here is gone at once. */
	async listFenced(): Promise<string[]> {
		return [];
	}

	async clearFenced(): Promise<void> {}

	async remove(stage: Stage, kind: FileKind, name: string): Promise<void> {
		this.#stagedFiles(stage.lease);
		this.#filesOf(kind).delete(name);
	}

	async settle(): Promise<void> {}

	async settlePacks(): Promise<void> {}

	async quarantine(
		stage: Stage,
		kind: FileKind,
		name: string,
		{ stays = false }: { stays?: boolean } = {},
	): Promise<string | undefined> {
		this.#stagedFiles(stage.lease);
		const bytes = this.#filesOf(kind).get(name);
		if (bytes === undefined) return undefined;
		const held = this.#filesOf("quarantine");
		for (let count = 1; ; count++) {
			const away = quarantineName(kind, name, count);
			const there = held.get(away);
			if (there !== undefined && !equalBytes(there, bytes)) continue;
			held.set(away, bytes);
			if (!stays) this.#filesOf(kind).delete(name);
			return away;
		}
	}

	async giveUpReserve(): Promise<boolean> {
		return this.#filesOf("reserve").delete("reserve");
	}

	async close(): Promise<void> {}

	async [Symbol.asyncDispose](): Promise<void> {
		await this.close();
	}
}

interface MemoryStageAccess {
	/** Throws if the stage is gone. */
	staged(): Files;
	filesOf(kind: FileKind): Files;
	release(): void;
}

class MemoryStage implements Stage {
	readonly lease: LeaseId;
	readonly descriptor = undefined;
	readonly spool: Spool;
	readonly #access: MemoryStageAccess;

	constructor(lease: LeaseId, access: MemoryStageAccess) {
		this.lease = lease;
		this.#access = access;
		let count = 0;
		this.spool = {
			create: () => new MemorySpoolFile(access.staged(), `spool-${count++}`),
		};
	}

	async put(kind: FileKind, name: string, spoolName: string): Promise<void> {
		const staged = this.#access.staged();
		const bytes = staged.get(spoolName);
		if (!bytes) throw new Error(`there is no spool file ${spoolName}`);
		this.#access.filesOf(kind).set(name, bytes);
		staged.delete(spoolName);
	}

	async putBytes(
		kind: FileKind,
		name: string,
		bytes: Bytes,
		options: { exclusive?: boolean } = {},
	): Promise<void> {
		this.#access.staged();
		const files = this.#access.filesOf(kind);
		if (options.exclusive && files.has(name))
			throw new ConflictError("EXISTS", `${kind}/${name} exists already`, {
				kind,
				name,
			});
		files.set(name, bytes.slice());
	}

	async release(): Promise<void> {
		this.#access.release();
	}
}

/** Its bytes are found in the stage once it is closed. */
class MemorySpoolFile implements SpoolFile {
	readonly name: string;
	readonly #staged: Files;
	#bytes = new Uint8Array(4 * 1024);
	#length = 0;
	#closed = false;

	constructor(staged: Files, name: string) {
		this.#staged = staged;
		this.name = name;
	}

	write(bytes: Bytes): void {
		if (this.#closed) throw new Error("the spool file is closed");
		const length = this.#length + bytes.length;
		if (length > this.#bytes.length) {
			const larger = new Uint8Array(Math.max(length, this.#bytes.length * 2));
			larger.set(this.#bytes.subarray(0, this.#length));
			this.#bytes = larger;
		}
		this.#bytes.set(bytes, this.#length);
		this.#length = length;
	}

	close(): void {
		if (this.#closed) return;
		this.#closed = true;
		this.#staged.set(this.name, this.#bytes.slice(0, this.#length));
	}

	discard(): void {
		this.#closed = true;
		this.#staged.delete(this.name);
	}
}
