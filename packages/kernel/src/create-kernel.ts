import { randomBytes } from "node:crypto";
import { ClaimTable, newClaimBuffer } from "./claims.ts";
import { createFrameDecoder } from "./frame-decoder.ts";
import { FrameEncoder } from "./frame-encoder.ts";
import { createCutter } from "./gear-wasm.ts";
import { sha256, sha256Hex, startSha256 } from "./hash.ts";
import type {
	ColdCompression,
	Compression,
	Kernel,
	KernelOptions,
} from "./kernel.ts";
import { PackWriter } from "./pack-writer.ts";
import type { Toolbox } from "./toolbox.ts";
import { createXxh64 } from "./xxh64.ts";
import { Compressor, createProbe, Decompressor } from "./zstd.ts";

/** The seed of the gear table of repositories without keys. */
const publicSeed = new Uint8Array(32);

/** Loads XXH64 and makes the tools of one thread. */
export async function createToolbox(): Promise<Toolbox> {
	const xxh64 = await createXxh64();
	return {
		sha256,
		sha256Hex,
		startSha256,
		hash64: xxh64.of,
		random: (count) => new Uint8Array(randomBytes(count)),
		decoder: createFrameDecoder(new Decompressor()),
	};
}

export function createKernel(
	tools: Toolbox,
	{ config }: KernelOptions,
): Kernel {
	return {
		tools,
		cutter: (capacity) =>
			createCutter({ ...config.chunker, seed: publicSeed, capacity }),
		encoder: (compression) => createEncoder(compression, tools),
		packWriter: (kind, create) =>
			new PackWriter({
				kind,
				packBytes: config.packBytes,
				create,
				startHash: startSha256,
				tools,
			}),
		claims: (buffers) => new ClaimTable(buffers),
		newClaims: newClaimBuffer,
	};
}

function createEncoder(
	compression: Compression | ColdCompression,
	{ decoder }: Toolbox,
): FrameEncoder {
	if (compression === "off")
		return new FrameEncoder({
			squeezer: undefined,
			incompressible: () => true,
			decoder,
		});
	const isThorough = compression === "max" || compression === "coldest";
	const probe = isThorough ? () => false : createProbe();
	return new FrameEncoder({
		squeezer: new Compressor(compression),
		incompressible: probe,
		decoder,
	});
}
