import type { BigIntStats } from "node:fs";
import { type Bytes, birthBytes, scanRowBytes } from "@varve/format";

/** What lstat said of some entries, in columns laid out as in a scan state block, so that both compare as bytes. */
export interface StatColumns {
	readonly count: number;
	/** inode, size, mtime, ctime: each `count` × 8 bytes. */
	readonly wide: BigInt64Array<ArrayBuffer>;
	/** The same, as pairs of words, the lower half first where the machine has it so. */
	readonly halves: Uint32Array<ArrayBuffer>;
	/** st_mode, uid, gid: each `count` × 4 bytes. */
	readonly narrow: Uint32Array<ArrayBuffer>;
	/** Both, as one row of bytes: what is compared. */
	readonly bytes: Uint8Array<ArrayBuffer>;
	/** Birth times in ns, as pairs of words; 0 if not known. In the same buffer. */
	readonly births: Uint32Array<ArrayBuffer>;
}

const bufferBytes = scanRowBytes + birthBytes;

export function newStatColumns(count: number): StatColumns {
	return viewStatColumns(new ArrayBuffer(count * bufferBytes), count);
}

/** Columns over bytes of a scan state block. */
export function statColumnsOf(rows: Bytes, count: number): StatColumns {
	const copy = new Uint8Array(count * bufferBytes);
	copy.set(rows);
	return viewStatColumns(copy.buffer, count);
}

function viewStatColumns(buffer: ArrayBuffer, count: number): StatColumns {
	return {
		count,
		wide: new BigInt64Array(buffer, 0, count * 4),
		halves: new Uint32Array(buffer, 0, count * 8),
		narrow: new Uint32Array(buffer, count * 32, count * 3),
		bytes: new Uint8Array(buffer, 0, count * scanRowBytes),
		births: new Uint32Array(buffer, count * scanRowBytes, count * 2),
	};
}

export function setStat(
	columns: StatColumns,
	index: number,
	stat: BigIntStats,
): void {
	const { wide, narrow, count } = columns;
	setBirth(columns, index, stat.birthtimeNs);
	wide[index] = stat.ino;
	wide[count + index] = stat.size;
	wide[2 * count + index] = stat.mtimeNs;
	wide[3 * count + index] = stat.ctimeNs;
	narrow[index] = Number(stat.mode);
	narrow[count + index] = Number(stat.uid);
	narrow[2 * count + index] = Number(stat.gid);
}

/** Copies one row. */
export function copyStat(
	from: StatColumns,
	at: number,
	to: StatColumns,
	index: number,
): void {
	for (let c = 0; c < 4; c++) {
		const x = 2 * (c * from.count + at);
		const y = 2 * (c * to.count + index);
		to.halves[y] = from.halves[x] as number;
		to.halves[y + 1] = from.halves[x + 1] as number;
	}
	to.births[2 * index] = from.births[2 * at] as number;
	to.births[2 * index + 1] = from.births[2 * at + 1] as number;
	for (let c = 0; c < 3; c++)
		to.narrow[c * to.count + index] = from.narrow[
			c * from.count + at
		] as number;
}

export function sameStat(
	a: StatColumns,
	i: number,
	b: StatColumns,
	j: number,
): boolean {
	// By halves: each half is a number, a whole would be a BigInt.
	for (let c = 0; c < 4; c++) {
		const x = 2 * (c * a.count + i);
		const y = 2 * (c * b.count + j);
		if (a.halves[x] !== b.halves[y] || a.halves[x + 1] !== b.halves[y + 1])
			return false;
	}
	for (let c = 0; c < 3; c++)
		if (a.narrow[c * a.count + i] !== b.narrow[c * b.count + j]) return false;
	return true;
}

export const inodeOf = (columns: StatColumns, i: number) =>
	columns.wide[i] as bigint;
export const sizeOf = (columns: StatColumns, i: number) =>
	Number(columns.wide[columns.count + i]);
export const mtimeOf = (columns: StatColumns, i: number) =>
	columns.wide[2 * columns.count + i] as bigint;
export const ctimeOf = (columns: StatColumns, i: number) =>
	columns.wide[3 * columns.count + i] as bigint;
/** As in what Node's lstat says. */
export const identityOf = (columns: StatColumns, i: number) => ({
	ino: BigInt.asUintN(64, inodeOf(columns, i)),
	size: columns.wide[columns.count + i] as bigint,
	mtimeNs: mtimeOf(columns, i),
	ctimeNs: ctimeOf(columns, i),
});
export const modeOf = (columns: StatColumns, i: number) =>
	columns.narrow[i] as number;
export const uidOf = (columns: StatColumns, i: number) =>
	columns.narrow[columns.count + i] as number;
export const gidOf = (columns: StatColumns, i: number) =>
	columns.narrow[2 * columns.count + i] as number;

/** Of the entries from `start` to before `end`, as they stand in a piece of birth times. */
export function birthsBetween(
	{ births }: StatColumns,
	start: number,
	end: number,
): Bytes {
	const { buffer, byteOffset } = births;
	const at = byteOffset + start * birthBytes;
	return new Uint8Array(buffer, at, (end - start) * birthBytes);
}

export function setBirth(
	{ births }: StatColumns,
	i: number,
	birth: bigint,
): void {
	births[2 * i] = Number(BigInt.asUintN(32, birth));
	births[2 * i + 1] = Number(BigInt.asUintN(32, birth >> 32n));
}

export function setCtime(columns: StatColumns, i: number, ctime: bigint): void {
	columns.wide[3 * columns.count + i] = ctime;
}
