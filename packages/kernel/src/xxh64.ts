import type { Bytes } from "@varve/format";
import xxhash from "xxhash-wasm";

/** XXH64 with seed 0, for one thread. */
export interface Xxh64 {
	of(bytes: Bytes): bigint;
	/** For bytes that come one after the other. */
	start(): RunningXxh64;
}

export interface RunningXxh64 {
	update(bytes: Bytes): void;
	/** Of all that came so far. */
	digest(): bigint;
}

/** Compiles the hash; what it returns is synchronous. */
export async function createXxh64(): Promise<Xxh64> {
	const { h64Raw, create64 } = await xxhash();
	return {
		of: (bytes) => h64Raw(bytes),
		start() {
			const running = create64();
			return {
				update: (bytes) => void running.update(bytes),
				digest: () => running.digest(),
			};
		},
	};
}
