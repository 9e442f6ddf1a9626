import type { Snapshot } from "../repository.ts";
import type { Finding } from "./finding.ts";
import type { Subset } from "./subset.ts";

/**
 * "structure": everything but the content of packs. "data": that, and every byte of packs, every frame decoded, every chunk proved.
 * "scrub": the checksums of all files, without decoding anything and without following references.
 */
export type VerifyLevel = "structure" | "data" | "scrub";

export interface VerifyOptions {
	/** Follows references from these alone, and reads only packs that they need; undefined for all. */
	readonly snapshots?: readonly Snapshot[] | undefined;
	readonly level: VerifyLevel;
	/** Of the packs that "data" and "scrub" read. */
	readonly subset?: Subset | undefined;
	readonly signal?: AbortSignal | undefined;
}

export interface VerifyReport {
	readonly level: VerifyLevel;
	readonly findings: readonly Finding[];
	/** What is unusual, and no damage. */
	readonly notes: readonly string[];
	/** What this run did not look at. */
	readonly notChecked: readonly string[];
	readonly snapshots: number;
	/** In the repository, and read whole. */
	readonly packs: { readonly listed: number; readonly read: number };
	/** Directories and files that references were followed to, each version once. */
	readonly directories: number;
	readonly files: number;
	/** Frames decoded and chunks proved. */
	readonly frames: number;
	readonly chunks: number;
	/** Bytes of packs read, and of chunks proved. */
	readonly bytesRead: number;
	readonly bytesProved: number;
	/** Milliseconds. */
	readonly duration: number;
}
