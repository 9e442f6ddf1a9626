import type { Bytes } from "@varve/format";
import type { FrameDecoder } from "./frame-decoder.ts";
import type { RunningSha256 } from "./hash.ts";

/** Hashing and decoding for one thread; made once by `createToolbox`, then synchronous. */
export interface Toolbox {
	/** SHA-256 of bytes, 32 bytes of its own. */
	sha256(bytes: Bytes): Bytes;
	/** The same in lower-case hex. */
	sha256Hex(bytes: Bytes): string;
	/** SHA-256 of bytes that come one after the other. */
	startSha256(): RunningSha256;
	/** XXH64 with seed 0. */
	hash64(bytes: Bytes): bigint;
	random(count: number): Bytes;
	readonly decoder: FrameDecoder;
}
