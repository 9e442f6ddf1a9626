import {
	type Attribute,
	type Bytes,
	type Content,
	ItemKind,
	idBytes,
	type Node,
} from "@varve/format";
import { PartFlag } from "./tasks.ts";

/** A file to be restored, or a part of a large one. */
export interface FilePart {
	/** Path below the target, beginning with "/". */
	readonly suffix: string;
	readonly node: Node;
	/** Chunks and zeros; lists are resolved. */
	readonly content: Content;
	/** Of a part of a large file: its open descriptor and where the part begins. Else -1 and 0. */
	readonly descriptor: number;
	readonly position: number;
	/** The file ends where the part does. */
	readonly isLast: boolean;
}

/**
 * Files and parts of files that are planned together, in columns that are used again for the next window: what is kept of a node is
 * copied, so that nodes need not outlive the walk.
 */
export class FileWindow {
	readonly suffixes: string[] = [];
	readonly descriptor: Int32Array;
	readonly position: Float64Array;
	readonly mode: Uint32Array;
	readonly uid: Uint32Array;
	readonly gid: Uint32Array;
	readonly seconds: Float64Array;
	readonly nanoseconds: Uint32Array;
	/** By part; most have none. */
	readonly xattrs = new Map<number, readonly Attribute[]>();
	/** Of their values. */
	xattrBytes = 0;
	readonly flags: Uint8Array;
	/** Items of part i are those from `firstItem[i]` up to `firstItem[i + 1]`; chunks in the same way. */
	readonly firstItem: Uint32Array;
	readonly firstChunk: Uint32Array;
	/** Of each item; zeros are negative. */
	length: Float64Array;
	/** 32 bytes for each chunk. */
	ids: Bytes;

	/** `parts` is the most it takes. */
	constructor(parts: number) {
		this.descriptor = new Int32Array(parts);
		this.position = new Float64Array(parts);
		this.mode = new Uint32Array(parts);
		this.uid = new Uint32Array(parts);
		this.gid = new Uint32Array(parts);
		this.seconds = new Float64Array(parts);
		this.nanoseconds = new Uint32Array(parts);
		this.flags = new Uint8Array(parts);
		this.firstItem = new Uint32Array(parts + 1);
		this.firstChunk = new Uint32Array(parts + 1);
		this.length = new Float64Array(parts * 2);
		this.ids = new Uint8Array(parts * 2 * idBytes);
	}

	get parts(): number {
		return this.suffixes.length;
	}

	get items(): number {
		return this.firstItem[this.parts] as number;
	}

	get chunks(): number {
		return this.firstChunk[this.parts] as number;
	}

	clear(): void {
		this.suffixes.length = 0;
		this.xattrs.clear();
		this.xattrBytes = 0;
	}

	add({ suffix, node, content, ...part }: FilePart): void {
		const i = this.parts;
		this.descriptor[i] = part.descriptor;
		this.position[i] = part.position;
		this.mode[i] = node.mode;
		this.uid[i] = node.uid;
		this.gid[i] = node.gid;
		this.seconds[i] = node.mtime;
		this.nanoseconds[i] = node.mtimeNs;
		this.flags[i] =
			(node.holes ? PartFlag.holes : 0) | (part.isLast ? PartFlag.end : 0);
		if (node.xattrs.length > 0) this.#addXattrs(i, node.xattrs);
		this.#addContent(i, content);
		this.suffixes.push(suffix);
	}

	#addXattrs(part: number, xattrs: readonly Attribute[]): void {
		this.xattrs.set(part, xattrs.map(copyOf));
		for (const { value } of xattrs) this.xattrBytes += value.length;
	}

	#addContent(part: number, { kinds, lengths, ids }: Content): void {
		const item = this.firstItem[part] as number;
		const chunk = this.firstChunk[part] as number;
		this.#makeRoom(item + kinds.length, chunk * idBytes + ids.length);
		for (let k = 0; k < kinds.length; k++) {
			const length = lengths[k] as number;
			this.length[item + k] = kinds[k] === ItemKind.zeros ? -length : length;
		}
		this.ids.set(ids, chunk * idBytes);
		this.firstItem[part + 1] = item + kinds.length;
		this.firstChunk[part + 1] = chunk + ids.length / idBytes;
	}

	#makeRoom(items: number, bytes: number): void {
		if (items > this.length.length) {
			const larger = new Float64Array(items * 2);
			larger.set(this.length);
			this.length = larger;
		}
		if (bytes > this.ids.length) {
			const larger = new Uint8Array(bytes * 2);
			larger.set(this.ids);
			this.ids = larger;
		}
	}
}

/** Out of the tree it stands in, which would be cloned whole with it. */
function copyOf({ name, value }: Attribute): Attribute {
	return { name: new Uint8Array(name), value: new Uint8Array(value) };
}
