import { constants, fstatSync, readSync } from "node:fs";
import { type Bytes, idBytes } from "@varve/format";
import type { Toolbox } from "@varve/kernel";
import { codeOf } from "../system.ts";
import { KnownHoles } from "./known-holes.ts";
import { lengthOf } from "./part-columns.ts";
import { Tally } from "./tally.ts";
import { sayingOf, type TargetTree } from "./target-tree.ts";
import {
	type CheckTask,
	type PartColumns,
	PartFlag,
	type RestoreReply,
} from "./tasks.ts";

const openFlags = constants.O_RDONLY | (constants.O_NONBLOCK ?? 0);
const zeroSlice = 1024 * 1024;
/** Never written. */
const zeros = new Uint8Array(zeroSlice);

/** Reads restored files back and compares them with the ids of their chunks. */
export class PartReader {
	readonly #tree: TargetTree;
	readonly #tools: Pick<Toolbox, "sha256">;
	#buffer = new Uint8Array(zeroSlice);
	readonly #holes: KnownHoles;

	constructor(tree: TargetTree, tools: Pick<Toolbox, "sha256">) {
		this.#tree = tree;
		this.#tools = tools;
		this.#holes = new KnownHoles(tree);
	}

	compare({ id, parts }: CheckTask): RestoreReply {
		const tally = new Tally();
		for (let part = 0; part < parts.suffixes.length; part++) {
			try {
				const problem = this.#comparePart(parts, part);
				if (problem !== undefined)
					tally.add(part, "unwritten", "DIFFERS", problem);
				else if (isEnd(parts, part)) tally.files++;
			} catch (error) {
				const code = codeOf(error);
				if (code === undefined) throw error;
				tally.add(part, "unwritten", code, sayingOf(error as Error));
			}
			tally.bytes += lengthOf(parts, part);
		}
		return tally.reply(id);
	}

	/** What is wrong with a file, or undefined. */
	#comparePart(parts: PartColumns, part: number): string | undefined {
		const fd = this.#tree.open(parts.suffixes[part] as string, openFlags);
		try {
			const start = parts.position[part] as number;
			const end = start + lengthOf(parts, part);
			const size = fstatSync(fd).size;
			if (isEnd(parts, part) ? size !== end : size < end)
				return `the file has ${size} bytes instead of ${end}`;
			const differs = this.#firstDifference(parts, part, fd);
			return differs === undefined
				? undefined
				: `the file differs from the snapshot from byte ${differs} on`;
		} finally {
			this.#tree.shut(fd);
		}
	}

	#firstDifference(
		parts: PartColumns,
		part: number,
		fd: number,
	): number | undefined {
		let at = parts.position[part] as number;
		const end = parts.firstItem[part + 1] as number;
		this.#holes.enter(fd, parts, part);
		for (let item = parts.firstItem[part] as number; item < end; item++) {
			const length = parts.length[item] as number;
			const isEqual =
				(parts.frame[item] as number) < 0
					? this.#holdsZeros(fd, at, length)
					: this.#holdsChunk(fd, at, length, parts.ids, item);
			if (!isEqual) return at;
			at += length;
		}
		return undefined;
	}

	#holdsChunk(
		fd: number,
		at: number,
		length: number,
		ids: Bytes,
		item: number,
	): boolean {
		const bytes = this.#read(fd, at, length);
		const hash = this.#tools.sha256(bytes);
		for (let i = 0; i < idBytes; i++)
			if (hash[i] !== ids[item * idBytes + i]) return false;
		return true;
	}

	/** What the file system says is a hole need not be read, but at its ends. */
	#holdsZeros(fd: number, from: number, length: number): boolean {
		const end = from + length;
		for (let at = from; at < end; ) {
			const past = this.#holes.pastHole(at);
			if (past > at) {
				at = past;
				continue;
			}
			const count = Math.min(zeroSlice, end - at);
			const bytes = this.#read(fd, at, count);
			if (Buffer.compare(bytes, zeros.subarray(0, count)) !== 0) return false;
			at += count;
		}
		return true;
	}

	/** Bytes past the end of the file are missing. */
	#read(fd: number, at: number, length: number): Bytes {
		if (this.#buffer.length < length) this.#buffer = new Uint8Array(length);
		let done = 0;
		while (done < length) {
			const count = readSync(fd, this.#buffer, done, length - done, at + done);
			if (count === 0) break;
			done += count;
		}
		return this.#buffer.subarray(0, done);
	}
}

/** The file ends where the part does. */
function isEnd({ flags }: PartColumns, part: number): boolean {
	return ((flags[part] as number) & PartFlag.end) !== 0;
}
