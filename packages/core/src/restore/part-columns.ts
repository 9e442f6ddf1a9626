import { type Attribute, type Bytes, idBytes } from "@varve/format";
import type { FileWindow } from "./file-window.ts";
import type { PartColumns } from "./tasks.ts";

/** Where the chunks of a window lie, by their number in it. */
export interface ChunkPlaces {
	/** Number of the frame in the window. */
	readonly frame: Int32Array;
	readonly ordinal: Uint32Array;
	/** Number that a frame of the window has in the batch. */
	readonly numberInBatch: Int32Array;
}

/** Copies some parts of a window, in this order, into columns of their own. Without places they serve to read files back. */
export function partColumns(
	window: FileWindow,
	parts: Uint32Array,
	places: ChunkPlaces | undefined,
): PartColumns {
	const columns = emptyColumns(window, parts);
	let item = 0;
	for (let row = 0; row < parts.length; row++) {
		const part = parts[row] as number;
		columns.suffixes.push(window.suffixes[part] as string);
		columns.descriptor[row] = window.descriptor[part] as number;
		columns.position[row] = window.position[part] as number;
		columns.mode[row] = window.mode[part] as number;
		columns.uid[row] = window.uid[part] as number;
		columns.gid[row] = window.gid[part] as number;
		columns.seconds[row] = window.seconds[part] as number;
		columns.nanoseconds[row] = window.nanoseconds[part] as number;
		columns.flags[row] = window.flags[part] as number;
		const xattrs = window.xattrs.get(part);
		if (xattrs !== undefined) columns.xattrs.set(row, xattrs);
		item = copyItems(window, part, { columns, item, places });
		columns.firstItem[row + 1] = item;
	}
	return columns;
}

type Columns = PartColumns & {
	readonly suffixes: string[];
	readonly xattrs: Map<number, readonly Attribute[]>;
};

function emptyColumns(window: FileWindow, parts: Uint32Array): Columns {
	const count = parts.length;
	let items = 0;
	for (const part of parts)
		items +=
			(window.firstItem[part + 1] as number) -
			(window.firstItem[part] as number);
	return {
		suffixes: [],
		descriptor: new Int32Array(count),
		position: new Float64Array(count),
		mode: new Uint32Array(count),
		uid: new Uint32Array(count),
		gid: new Uint32Array(count),
		seconds: new Float64Array(count),
		nanoseconds: new Uint32Array(count),
		xattrs: new Map(),
		flags: new Uint8Array(count),
		firstItem: new Uint32Array(count + 1),
		frame: new Int32Array(items),
		ordinal: new Uint32Array(items),
		length: new Float64Array(items),
		ids: new Uint8Array(items * idBytes),
	};
}

/** Returns the item after the part's last. */
function copyItems(
	window: FileWindow,
	part: number,
	to: {
		readonly columns: Columns;
		readonly item: number;
		readonly places: ChunkPlaces | undefined;
	},
): number {
	const { columns, places } = to;
	let item = to.item;
	let chunk = window.firstChunk[part] as number;
	const end = window.firstItem[part + 1] as number;
	for (let i = window.firstItem[part] as number; i < end; i++, item++) {
		const length = window.length[i] as number;
		columns.length[item] = Math.abs(length);
		if (length < 0) {
			columns.frame[item] = -1;
			continue;
		}
		if (places !== undefined) {
			const frame = places.frame[chunk] as number;
			columns.frame[item] = places.numberInBatch[frame] as number;
			columns.ordinal[item] = places.ordinal[chunk] as number;
		}
		copyId(window.ids, chunk, columns.ids, item);
		chunk++;
	}
	return item;
}

/** Bytes of a part. */
export function lengthOf(parts: PartColumns, part: number): number {
	let sum = 0;
	const end = parts.firstItem[part + 1] as number;
	for (let i = parts.firstItem[part] as number; i < end; i++)
		sum += parts.length[i] as number;
	return sum;
}

/** By hand: a view for each of them costs more than its bytes. */
function copyId(from: Bytes, source: number, to: Bytes, target: number): void {
	const a = source * idBytes;
	const b = target * idBytes;
	for (let i = 0; i < idBytes; i++) to[b + i] = from[a + i] as number;
}
