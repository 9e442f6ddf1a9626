import {
	decodeFrameHeader,
	type FrameHeader,
	FrameKind,
	frameHeaderBytes,
	isVarveError,
	looksLikeFrame,
	maxFrameStored,
	packHeaderBytes,
} from "@varve/format";
import type { PackBytes } from "./pack-bytes.ts";

/** A frame that was found in a pack without the help of its directory. */
export interface FoundFrame {
	readonly kind: FrameHeader["kind"];
	readonly offset: number;
	/** Header and body. */
	readonly storedLength: number;
}

/** Bytes that are searched at a time. */
const stepBytes = 1024 * 1024;

/**
 * Goes through a pack frame by frame, as their headers tell. Where no header stands, the next one is searched byte by byte. One that is found so may
 * stand in the content of a file, which may hold anything: unless another header follows where it ends, the search goes on inside of it.
 */
export function* walkFrames(bytes: PackBytes): Generator<FoundFrame> {
	let isSure = true;
	for (let at = packHeaderBytes; at < bytes.size; ) {
		const found = frameAt(bytes, at);
		if (found === undefined) {
			isSure = false;
			at = nextHeader(bytes, at + 1);
			continue;
		}
		yield found;
		const end = found.offset + found.storedLength;
		isSure ||= frameAt(bytes, end) !== undefined;
		at = isSure ? end : at + frameHeaderBytes;
	}
}

function frameAt(bytes: PackBytes, at: number): FoundFrame | undefined {
	const header = headerIn(bytes.read(at, frameHeaderBytes));
	if (header === undefined || header.sealed) return undefined;
	const storedLength = frameHeaderBytes + header.storedLength;
	if (at + storedLength > bytes.size) return undefined;
	return { kind: header.kind, offset: at, storedLength };
}

function headerIn(bytes: Uint8Array): FrameHeader | undefined {
	if (!looksLikeFrame(bytes, 0)) return undefined;
	try {
		return decodeFrameHeader(bytes, 0);
	} catch (error) {
		if (isVarveError(error)) return undefined;
		throw error;
	}
}

/** Where the next header stands, from `at` on, or the end of the pack. */
function nextHeader(bytes: PackBytes, at: number): number {
	for (let from = at; from < bytes.size; from += stepBytes) {
		const step = bytes.read(from, stepBytes + frameHeaderBytes - 1);
		const last = Math.min(stepBytes, step.length);
		for (let i = 0; i < last; i++) if (looksLikeFrame(step, i)) return from + i;
	}
	return bytes.size;
}

/** A frame that a directory frame cannot be. */
export function holdsChunks({ kind, storedLength }: FoundFrame): boolean {
	return (
		kind !== FrameKind.directory &&
		storedLength <= frameHeaderBytes + maxFrameStored
	);
}
