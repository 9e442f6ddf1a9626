import type { Bytes } from "./bytes.ts";
import { idBytes } from "./id.ts";

const buckets = 65_536;
/** Up to this many ids an insertion sort is the fastest. */
const fewIds = 32;

/** Indices of `count` ids in ascending order, equal ones in the order given: buckets by two bytes, then a sort of each. */
export function orderOfIds(ids: Bytes, count: number): Uint32Array {
	const starts = new Uint32Array(buckets + 1);
	for (let i = 0; i < count; i++) (starts[bucketOf(ids, i) + 1] as number)++;
	for (let b = 0; b < buckets; b++)
		(starts[b + 1] as number) += starts[b] as number;
	const order = new Uint32Array(count);
	const next = starts.slice(0, buckets);
	for (let i = 0; i < count; i++)
		order[(next[bucketOf(ids, i)] as number)++] = i;
	for (let b = 0; b < buckets; b++)
		sortPart(ids, order, starts[b] as number, starts[b + 1] as number);
	return order;
}

function bucketOf(ids: Bytes, i: number): number {
	return (ids[i * idBytes] as number) * 256 + (ids[i * idBytes + 1] as number);
}

function sortPart(
	ids: Bytes,
	order: Uint32Array,
	start: number,
	end: number,
): void {
	if (end - start > fewIds) {
		order.subarray(start, end).sort((a, b) => compareIds(ids, a, b) || a - b);
		return;
	}
	for (let i = start + 1; i < end; i++) {
		const one = order[i] as number;
		let at = i;
		while (at > start && compareIds(ids, order[at - 1] as number, one) > 0) {
			order[at] = order[at - 1] as number;
			at--;
		}
		order[at] = one;
	}
}

function compareIds(ids: Bytes, a: number, b: number): number {
	const x = a * idBytes;
	const y = b * idBytes;
	for (let k = 0; k < idBytes; k++) {
		const d = (ids[x + k] as number) - (ids[y + k] as number);
		if (d !== 0) return d;
	}
	return 0;
}
