import type { Bytes, LeaseId } from "@varve/format";

/**
 * What a repository is made of, by the folder it lies in. `config`, `copies/config` and `reserve` hold one file of that same name. The copies
 * of a kind lie below `copies/` as their originals do below the root.
 */
export const fileKinds = [
	"config",
	"keys",
	"packs",
	"segments",
	"snapshots",
	"labels",
	"forgotten",
	"policies",
	"leases",
	"gc",
	"copies/config",
	"copies/keys",
	"copies/packs",
	"copies/snapshots",
	"quarantine",
	"reserve",
] as const;
export type FileKind = (typeof fileKinds)[number];

export interface ListedFile {
	readonly name: string;
	/** Bytes. */
	readonly size: number;
}

export interface Abortable {
	readonly signal?: AbortSignal | undefined;
}

/** A part of a file: `length` bytes from `at`. */
export interface Range {
	readonly at: number;
	readonly length: number;
}

/** First rung: read and list. Every failure but absence is a StorageError with its cause. */
export interface ReadBackend extends AsyncDisposable {
	/** For people: a path or URL without secrets. */
	readonly location: string;
	/** Each file of a kind exactly once, in no order. Files being written are never listed. A folder that is not there is empty. */
	list(kind: FileKind, options?: Abortable): Promise<ListedFile[]>;
	/** The whole file or a range of it. NotFoundError if absent, CorruptError if it ends before the range does. */
	read(kind: FileKind, name: string, range?: Range): Promise<Bytes>;
	/** Size in bytes, or undefined if absent. Never undefined for another reason. */
	size(kind: FileKind, name: string): Promise<number | undefined>;
	/**
	 * When a file was stored, ms since 1970 by the clock of the storage, as far as that can tell; undefined if absent. What a copy of the
	 * repository kept of it is all it knows, so nothing may rest on it.
	 */
	storedAt?(kind: FileKind, name: string): Promise<number | undefined>;
	/** Synchronous reads, for threads that do nothing else. */
	readonly blocking: BlockingReads;
	/** How a worker thread opens the same files; undefined if only this thread can. */
	readonly descriptor: BackendDescriptor | undefined;
	/** Bytes that can still be written, where the storage can tell. */
	space(): Promise<number | undefined>;
	/** Idempotent. */
	close(): Promise<void>;
}

/** A plain object that crosses threads. */
export interface BackendDescriptor {
	readonly type: "local";
	readonly path: string;
}

/** Reads without promises. The same errors as ReadBackend. Files stay open in a small cache until `close`. */
export interface BlockingReads {
	/** Fills `target` from byte `at` of the file. */
	readInto(kind: FileKind, name: string, at: number, target: Bytes): void;
	/** Size in bytes, or undefined if absent. */
	size(kind: FileKind, name: string): number | undefined;
	close(): void;
}

/** Second rung: files appear whole and durable, under their final name, or not at all. */
export interface WriteBackend extends ReadBackend {
	/**
	 * Makes `tmp/<lease>/`, once: a stage that was renamed away (fenced) is never made again, and all that its owner
	 * then tries fails with a ConflictError (code "FENCED").
	 */
	stage(lease: LeaseId): Promise<Stage>;
	/** Leases that have a stage. */
	listStages(): Promise<LeaseId[]>;
	/** Renames the stage of a dead lease away and deletes what is in it. True if there was one. */
	fence(lease: LeaseId): Promise<boolean>;
	/** Names of what is left of stages that were renamed away: of one who is deleting it, was killed at that, or could not. */
	listFenced(): Promise<string[]>;
	/** Deletes that. What cannot be deleted stays, with a warning. */
	clearFenced(): Promise<void>;
	/**
	 * Makes durable what has been listed of these kinds, and that nothing else is there: who wrote or removed a file may have been killed, or have
	 * failed, before that was. Whoever relies on it comes here first.
	 */
	settle(kinds: readonly FileKind[]): Promise<void>;
	/** The same for packs that have been listed. */
	settlePacks(names: readonly string[]): Promise<void>;
}

/** Third rung. */
export interface RemoveBackend extends WriteBackend {
	/** Removes a file by first renaming it into the stage. Absence is success. Durable when it resolves, also where somebody else removed it. */
	remove(stage: Stage, kind: FileKind, name: string): Promise<void>;
	/**
	 * Moves a damaged file to `quarantine/`, where nobody looks for it and nobody deletes it: durably there first, and only then away from where it
	 * was. Returns its name there, `<kind>.<name>`, with a number behind if another file has that; undefined if it is absent. With `stays` it
	 * is there as well as where it was: for a file that is about to be replaced.
	 */
	quarantine(
		stage: Stage,
		kind: FileKind,
		name: string,
		options?: { stays?: boolean },
	): Promise<string | undefined>;
	/** Removes the reserve, with no stage: a full disk may have no room for one. False if there is none. */
	giveUpReserve(): Promise<boolean>;
}

/** Where one lease prepares files. */
export interface Stage {
	readonly lease: LeaseId;
	/** Spools for this thread. */
	readonly spool: Spool;
	/** How a worker thread spools into the same stage; undefined if only this thread can. */
	readonly descriptor: StageDescriptor | undefined;
	/**
	 * Makes a closed spool file durable under its final name: fsync, rename, fsync of the directory. Resolves when it is
	 * durable. Content-named files replace an equal one. StorageError otherwise: code "NO_SPACE" for a full disk or quota,
	 * "REFUSED" for missing permission or a read-only file system, else "STORAGE_FAILED"; ConflictError "FENCED" if the stage is gone.
	 */
	put(kind: FileKind, name: string, spoolName: string): Promise<void>;
	/** The same for small objects. With `exclusive`, ConflictError "EXISTS" if the name is taken. */
	putBytes(
		kind: FileKind,
		name: string,
		bytes: Bytes,
		options?: { exclusive?: boolean },
	): Promise<void>;
	/** Deletes what is left in the stage and the stage itself. Idempotent; never commits anything. */
	release(): Promise<void>;
}

export interface StageDescriptor {
	readonly type: "local";
	readonly path: string;
}

/** Temporary files that grow by synchronous writes. */
export interface Spool {
	create(): SpoolFile;
}

export interface SpoolFile {
	/** Unique within the stage, across threads. */
	readonly name: string;
	/** Writes all of it or throws (as Stage.put does). */
	write(bytes: Bytes): void;
	close(): void;
	/** Closes and deletes. */
	discard(): void;
}
