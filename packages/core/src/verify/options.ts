import type { Snapshot } from "../repository.ts";
import type { Finding } from "./finding.ts";
import type { ProofAccount } from "./proofs.ts";
import type { Subset } from "./subset.ts";

/**
 * "structure": everything but the content of packs. "data": that, and every byte of packs, every frame decoded, every chunk proved.
 * "restore-sim": "structure", and everything that a restore of the snapshots does but writing.
 * "scrub": the checksums of all files, without decoding anything and without following references.
 */
export type VerifyLevel = "structure" | "data" | "restore-sim" | "scrub";

export interface VerifyOptions {
	/** Follows references from these alone, and reads only packs that they need; undefined for all. */
	readonly snapshots?: readonly Snapshot[] | undefined;
	readonly level: VerifyLevel;
	/** Of the packs that "data" and "scrub" read; of those chosen at random "data" takes the ones that were read longest ago. */
	readonly subset?: Subset | undefined;
	/**
	 * At "data": ms after the beginning of the run, from which on no further pack is begun. At least one is read. Packs are read in the order of
	 * when they were last read whole, so that runs one after the other come to all of them.
	 */
	readonly budget?: number | undefined;
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
	/** Of all packs listed, at "data": what is known of them by now. */
	readonly proofs: ProofAccount | undefined;
	/** Bytes of packs read, and of chunks proved. */
	readonly bytesRead: number;
	readonly bytesProved: number;
	/** Milliseconds. */
	readonly duration: number;
}
