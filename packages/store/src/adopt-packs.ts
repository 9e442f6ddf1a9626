import {
	CorruptError,
	decodeDirectory,
	decodeFrameHeader,
	decodePackHeader,
	decodeTrailer,
	FrameKind,
	frameHeaderBytes,
	type Hash64,
	isVarveError,
	packFooterBytes,
	packHeaderBytes,
	parsePackId,
	type SegmentPack,
	scrubBlockBytes,
	trailerLength,
} from "@varve/format";
import type { ListedFile, ReadBackend } from "./backend.ts";
import type { Warn } from "./warn.ts";

/** Packs read at the same time. */
const parallel = 8;
/** Bytes at the end of a pack that are read first: trailer and directory of most. */
const tailBytes = 128 * 1024;

export interface AdoptOptions {
	readonly backend: ReadBackend;
	readonly hash64: Hash64;
	readonly warn: Warn;
	readonly signal?: AbortSignal | undefined;
}

/**
 * Reads what lies in packs from their own directories. A pack whose directory cannot be read is warned of and left out; so is one
 * that has vanished, without a warning.
 */
export async function adoptPacks(
	packs: readonly ListedFile[],
	options: AdoptOptions,
): Promise<SegmentPack[]> {
	const adopted: SegmentPack[] = [];
	const waiting = packs.values();
	const lane = async () => {
		for (const pack of waiting) {
			options.signal?.throwIfAborted();
			const read = await adoptPack(pack, options);
			if (read !== undefined) adopted.push(read);
		}
	};
	await Promise.all(Array.from({ length: parallel }, lane));
	return adopted.sort((a, b) => (a.id < b.id ? -1 : 1));
}

async function adoptPack(
	pack: ListedFile,
	options: AdoptOptions,
): Promise<SegmentPack | undefined> {
	try {
		return await readDirectory(pack, options);
	} catch (cause) {
		if (!isVarveError(cause)) throw cause;
		if (cause.code === "NO_FILE") return undefined;
		if (cause.name !== "CorruptError" && cause.name !== "UnsupportedError")
			throw cause;
		options.warn({
			code: "BAD_PACK",
			message: `packs/${pack.name} is in no segment, and its directory cannot be read: it counts as absent`,
			cause,
		});
		return undefined;
	}
}

async function readDirectory(
	{ name, size }: ListedFile,
	{ backend, hash64 }: AdoptOptions,
): Promise<SegmentPack> {
	const id = parsePackId(name);
	const read = (at: number, length: number) =>
		backend.read("packs", name, { at, length });
	if (size < packHeaderBytes + packFooterBytes) throw damaged(name);
	const { kind } = decodePackHeader(await read(0, packHeaderBytes));
	let from = Math.max(0, size - tailBytes);
	let tail = await read(from, size - from);
	const trailer = trailerLength(tail, size);
	if (trailer > tail.length) {
		from = size - trailer;
		tail = await read(from, trailer);
	}
	const { directoryOffset, coveredLength, blocks } = decodeTrailer(
		tail,
		size,
		hash64,
	);
	// Whole blocks, as the trailer proves them.
	const first = Math.floor(directoryOffset / scrubBlockBytes);
	const start = first * scrubBlockBytes;
	const bytes = await read(start, coveredLength - start);
	for (let block = first; block < blocks.length; block++) {
		const at = (block - first) * scrubBlockBytes;
		const part = bytes.subarray(at, at + scrubBlockBytes);
		if (hash64(part) !== blocks[block]) throw damaged(name);
	}
	const at = directoryOffset - start;
	const header = decodeFrameHeader(bytes, at);
	if (
		header.kind !== FrameKind.directory ||
		header.sealed ||
		directoryOffset + frameHeaderBytes + header.storedLength !== coveredLength
	)
		throw damaged(name);
	const body = bytes.subarray(at + frameHeaderBytes);
	return { id, size, kind, frames: decodeDirectory(body, directoryOffset) };
}

function damaged(name: string): CorruptError {
	return new CorruptError(
		"BAD_DIRECTORY",
		`the directory of packs/${name} is damaged`,
		{ pack: name },
	);
}
