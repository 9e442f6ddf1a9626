import { readSync } from "node:fs";
import { holeMargin } from "./holes.ts";
import type { Ingest } from "./ingest.ts";
import type { SpanPart } from "./tasks.ts";

export interface OpenReading {
	readonly ingest: Ingest;
	readonly fd: number;
	readonly throttle: (bytes: number) => void;
}

export type StretchRead =
	| "read"
	| "ended"
	| "not zeros"
	| { readonly error: unknown };

const zeros = new Uint8Array(holeMargin);

/**
 * Reads what of a part lies in no hole, and the margins of the holes. "not zeros" if one of these holds anything else: then the holes are
 * not to be believed. "ended" if the file ended early. An error is what the system said.
 */
export function readAround(
	reading: OpenReading,
	{ start, length, skips }: SpanPart,
): StretchRead {
	const end = start + length;
	let at = start;
	for (let i = 0; i <= skips.length; i += 2) {
		const to = skips[i] ?? end;
		// Between two holes, or a hole and an end of the part.
		const margins = {
			before: i > 0 && at < end ? at + holeMargin : at,
			after: i < skips.length && to > start ? to - holeMargin : to,
		};
		const outcome = readStretch(reading, { at, to, ...margins });
		if (outcome !== "read") return outcome;
		const next = skips[i + 1];
		if (next === undefined) break;
		reading.ingest.skip(next - to);
		at = next;
	}
	return "read";
}

interface Stretch {
	readonly at: number;
	readonly to: number;
	/** Up to here, and from there on, it is the margin of a hole. */
	readonly before: number;
	readonly after: number;
}

function readStretch(
	{ ingest, fd, throttle }: OpenReading,
	{ at: start, to, before, after }: Stretch,
): StretchRead {
	for (let at = start; at < to; ) {
		const isMargin = at < before || at >= after;
		const stop = at < before ? before : at < after ? after : to;
		const window = ingest.window();
		const wanted = Math.min(window.length, stop - at);
		let count: number;
		try {
			count = readSync(fd, window, 0, wanted, at);
		} catch (error) {
			return { error };
		}
		if (count === 0) return "ended";
		if (isMargin && !isZeros(window.subarray(0, count))) return "not zeros";
		ingest.take(count);
		throttle(count);
		at += count;
	}
	return "read";
}

function isZeros(bytes: Uint8Array): boolean {
	for (let at = 0; at < bytes.length; at += zeros.length) {
		const part = bytes.subarray(at, at + zeros.length);
		if (Buffer.compare(part, zeros.subarray(0, part.length)) !== 0)
			return false;
	}
	return true;
}
