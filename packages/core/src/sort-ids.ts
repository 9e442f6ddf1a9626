import { type Bytes, idBytes } from "@varve/format";

export interface SortedIds {
	/** Each id once, in ascending order, 32 bytes each. */
	readonly ids: Bytes;
	/** For each id given, which of the sorted ones it is. */
	readonly rankOf: Uint32Array;
}

/** Sorts `count` ids of 32 bytes each and drops repeated ones. */
export function sortIds(ids: Bytes, count: number): SortedIds {
	const order = orderOfIds(ids, count);
	const rankOf = new Uint32Array(count);
	const sorted = new Uint8Array(count * idBytes);
	let unique = 0;
	for (let k = 0; k < count; k++) {
		const i = order[k] as number;
		if (k === 0 || compareIds(ids, order[k - 1] as number, i) !== 0) {
			copyId(ids, i, sorted, unique);
			unique++;
		}
		rankOf[i] = unique - 1;
	}
	return { ids: sorted.subarray(0, unique * idBytes), rankOf };
}

/** By hand: a view for each id costs more than its bytes. */
function copyId(from: Bytes, source: number, to: Bytes, target: number): void {
	const a = source * idBytes;
	const b = target * idBytes;
	for (let i = 0; i < idBytes; i++) to[b + i] = from[a + i] as number;
}

/** Ids are spread evenly: their first 31 bits and the place they stand at, in one number each, sort nearly all of them. */
function orderOfIds(ids: Bytes, count: number): Uint32Array {
	const keys = new Float64Array(count);
	const scale = 2 ** 22;
	if (count > scale) throw new Error(`too many ids to sort at once: ${count}`);
	for (let i = 0; i < count; i++)
		keys[i] = prefix(ids, i * idBytes) * scale + i;
	keys.sort();
	const order = new Uint32Array(count);
	for (let k = 0; k < count; k++) order[k] = (keys[k] as number) % scale;
	sortRuns(ids, order);
	return order;
}

function prefix(ids: Bytes, at: number): number {
	return (
		(ids[at] as number) * 2 ** 23 +
		(((ids[at + 1] as number) << 15) |
			((ids[at + 2] as number) << 7) |
			((ids[at + 3] as number) >> 1))
	);
}

/** Insertion sort: only ids that agree in their first bits still move. */
function sortRuns(ids: Bytes, order: Uint32Array): void {
	for (let k = 1; k < order.length; k++) {
		const moved = order[k] as number;
		let to = k;
		while (to > 0 && compareIds(ids, order[to - 1] as number, moved) > 0) {
			order[to] = order[to - 1] as number;
			to--;
		}
		order[to] = moved;
	}
}

function compareIds(ids: Bytes, a: number, b: number): number {
	for (let k = 0; k < idBytes; k++) {
		const d =
			(ids[a * idBytes + k] as number) - (ids[b * idBytes + k] as number);
		if (d !== 0) return d;
	}
	return 0;
}
