import type { Config, PackKind } from "@varve/format";
import type { FrameEncoder } from "./frame-encoder.ts";
import type { PackFile, PackWriter } from "./pack-writer.ts";
import type { Toolbox } from "./toolbox.ts";

export const compressions = [
	"auto",
	"off",
	"fastest",
	"better",
	"max",
] as const;
export type Compression = (typeof compressions)[number];
/** Of the long frames in which old chunks lie together; the second as small as can be, whatever it costs. */
export type ColdCompression = "cold" | "coldest";

/**
 * Finds where the items of a span end. `memory` is the only place it looks at: callers read files straight into it.
 */
export interface SpanCutter {
	readonly memory: Uint8Array;
	/** Forgets the state kept inside a span: what follows is a new one. */
	begin(): void;
	/**
	 * The item that begins at `start`, given the bytes up to `end`: a positive result is the length of a chunk, a negative one that
	 * of (a part of) a run of zeros, 0 means that more bytes are needed. `last` says that the span ends at `end`; then it is never 0.
	 */
	cut(start: number, end: number, last: boolean): number;
}

/** Who stores a chunk, decided among threads. */
export interface Claims {
	/** True for the first who asks about the 32 bytes at `at`. */
	claim(ids: Uint8Array, at: number): boolean;
}

/** Makes the parts a thread works with, all for one repository's parameters. */
export interface Kernel {
	readonly tools: Toolbox;
	/** A cutter with at least this many bytes of memory. */
	cutter(bytes: number): SpanCutter;
	encoder(compression: Compression | ColdCompression): FrameEncoder;
	packWriter(kind: PackKind, create: () => PackFile): PackWriter;
	/** Attaches to a table of claims made by `newClaims`. */
	claims(
		buffers: readonly SharedArrayBuffer[],
	): Claims & { extend(buffer: SharedArrayBuffer): void };
	/** A table with room for `capacity` ids. */
	newClaims(capacity: number): SharedArrayBuffer;
}

export interface KernelOptions {
	readonly config: Config;
}
