import { spanBytes } from "@varve/format";
import { type Hole, holeMargin, minHole } from "./holes.ts";

/** A span that is to be read, or what of it lies in no hole. */
export interface PlannedSpan {
	readonly span: number;
	/** In the file. */
	readonly start: number;
	readonly length: number;
	/** Starts and ends of what is left out, in the file, one after the other. */
	readonly skips: readonly number[];
	/** What is to be read. */
	readonly bytes: number;
}

/** Spans, one after the other, that lie in a hole. */
export interface ZeroSpans {
	/** The first of them. */
	readonly span: number;
	/** Of all together. */
	readonly length: number;
}

export interface SpanPlan {
	readonly spans: readonly PlannedSpan[];
	readonly zeros: readonly ZeroSpans[];
}

/**
 * How a large file is read. The first span is always read, so that somebody opens the file. Holes are in ascending order, and apart from
 * each other.
 */
export function planSpans(size: number, holes: readonly Hole[]): SpanPlan {
	const spans: PlannedSpan[] = [];
	const zeros: ZeroSpans[] = [];
	let first = 0;
	for (let start = 0; start < size; ) {
		while ((holes[first]?.end ?? size) <= start && first < holes.length)
			first++;
		const covered = start === 0 ? 0 : wholeSpans(start, size, holes[first]);
		if (covered > 0) {
			zeros.push({ span: start / spanBytes, length: covered });
			start += covered;
		} else {
			const length = Math.min(spanBytes, size - start);
			spans.push(planSpan(start, length, { holes, first }));
			start += length;
		}
	}
	return { spans, zeros };
}

/** Bytes of the spans from `start` on that lie in the hole whole. */
function wholeSpans(
	start: number,
	size: number,
	hole: Hole | undefined,
): number {
	if (hole === undefined || hole.start > start) return 0;
	const whole = Math.floor((hole.end - start) / spanBytes) * spanBytes;
	const rest = size - start - whole;
	const isLast = hole.end === size && rest < spanBytes && rest >= minHole;
	return isLast ? whole + rest : whole;
}

/** Where a hole ends within a span its margin is read, and with it what proves that the run of zeros is long enough to be one. */
function planSpan(
	start: number,
	length: number,
	{ holes, first }: { holes: readonly Hole[]; first: number },
): PlannedSpan {
	const end = start + length;
	const skips: number[] = [];
	let bytes = length;
	for (let i = first; i < holes.length; i++) {
		const hole = holes[i] as Hole;
		if (hole.start >= end) break;
		const from = hole.start > start ? hole.start + holeMargin : start;
		const to = hole.end < end ? hole.end - holeMargin : end;
		if (Math.min(hole.end, end) - Math.max(hole.start, start) < minHole)
			continue;
		skips.push(from, to);
		bytes -= to - from;
	}
	return { span: start / spanBytes, start, length, skips, bytes };
}
