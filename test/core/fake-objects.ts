import { createHash } from "node:crypto";
import {
	type Bytes,
	blankNode,
	type ChunkId,
	type Content,
	CorruptError,
	compareBytes,
	decodeList,
	decodeTree,
	emptyContent,
	encodeList,
	encodeName,
	encodeTree,
	ItemKind,
	idAt,
	idBytes,
	idToBytes,
	minZeroRun,
	type Node,
	NodeKind,
	type TreeId,
	utf8,
} from "@varve/format";
import type {
	FlatItem,
	ObjectReader,
} from "../../packages/core/src/repository.ts";

/** What a file in a fake tree is; a text alone is a file with that content. */
export interface FakeFile extends Partial<Omit<Node, "content" | "target">> {
	readonly text?: string | Bytes;
	readonly target?: string;
	/** Of a directory. */
	readonly entries?: FakeTree;
}
export type FakeTree = { readonly [name: string]: string | FakeFile };

export const directory = (
	entries: FakeTree,
	attributes: Partial<FakeFile> = {},
): FakeFile => ({ kind: NodeKind.directory, entries, ...attributes });

export const symlink = (target: string): FakeFile => ({
	kind: NodeKind.symlink,
	target,
});

export const sha256Hex = (bytes: Bytes) =>
	createHash("sha256").update(bytes).digest("hex");

const maxInline = 4;

/** Objects in memory, read without index, frames or packs; counts what is read. */
export class FakeObjects implements ObjectReader {
	readonly chunks = new Map<string, Bytes>();
	/** Ids of all chunks read, in order. */
	readonly reads: string[] = [];
	readonly #chunkBytes: number;

	constructor(chunkBytes = 64) {
		this.#chunkBytes = chunkBytes;
	}

	put(bytes: Bytes): ChunkId {
		const id = sha256Hex(bytes) as ChunkId;
		this.chunks.set(id, bytes);
		return id;
	}

	putTree(entries: FakeTree): TreeId {
		const nodes = Object.entries(entries).map(([name, entry]) =>
			this.#node(name, typeof entry === "string" ? { text: entry } : entry),
		);
		nodes.sort((a, b) => compareBytes(a.name, b.name));
		return this.put(encodeTree(nodes)) as TreeId;
	}

	#node(name: string, entry: FakeFile): Node {
		const { text, target, entries, ...attributes } = entry;
		const kind = attributes.kind ?? NodeKind.file;
		const node = {
			...blankNode(encodeName(name), kind),
			mode: kind === NodeKind.directory ? 0o755 : 0o644,
			...attributes,
		};
		if (target !== undefined) return { ...node, target: encodeName(target) };
		if (entries !== undefined) return { ...node, tree: this.putTree(entries) };
		if (text === undefined) return node;
		const bytes = typeof text === "string" ? utf8(text) : text;
		return { ...node, content: this.putContent(bytes) };
	}

	/** Cuts in pieces of one length, runs of zeros apart; of more than a few items it makes lists of four. */
	putContent(bytes: Bytes): Content {
		const items: { kind: ItemKind; length: number; id: Bytes }[] = [];
		for (let at = 0; at < bytes.length; ) {
			const zeros = zerosAt(bytes, at);
			const isRun = zeros >= minZeroRun;
			const length = isRun
				? zeros
				: Math.min(this.#chunkBytes, bytes.length - at);
			const id = isRun
				? new Uint8Array(0)
				: idToBytes(this.put(bytes.slice(at, at + length)));
			const kind = isRun ? ItemKind.zeros : ItemKind.chunk;
			items.push({ kind, length, id });
			at += length;
		}
		const flat = contentOf(items);
		if (items.length <= maxInline) return flat;
		const lists: typeof items = [];
		for (let i = 0; i < items.length; i += maxInline) {
			const part = items.slice(i, i + maxInline);
			const id = idToBytes(this.put(encodeList(contentOf(part))));
			const length = part.reduce((sum, item) => sum + item.length, 0);
			lists.push({ kind: ItemKind.list, length, id });
		}
		return contentOf(lists);
	}

	prepare() {
		const empty = { packs: [], segments: [], snapshots: [] };
		const none = new Set<string>();
		return Promise.resolve({
			...empty,
			condemned: none,
			condemnedSnapshots: none,
		});
	}

	outdate(): void {}

	read(id: ChunkId): Bytes {
		this.reads.push(id);
		const bytes = this.chunks.get(id);
		if (bytes === undefined) throw new CorruptError("MISSING_CHUNK", id);
		return bytes;
	}

	readAt(ids: Bytes, at: number): Bytes {
		return this.read(idAt<ChunkId>(ids, at));
	}

	nodes(tree: TreeId): Iterable<Node> {
		return decodeTree(this.read(tree));
	}

	lookup(tree: TreeId, name: Bytes): Node | undefined {
		return decodeTree(this.read(tree)).find(
			(node) => compareBytes(node.name, name) === 0,
		);
	}

	*pieces(list: ChunkId): Iterable<Bytes> {
		const { ids } = decodeList(this.read(list));
		for (let at = 0; at < ids.length; at += idBytes) yield this.readAt(ids, at);
	}

	*items({ kinds, lengths, ids }: Content): Iterable<FlatItem> {
		let at = 0;
		for (const [i, kind] of kinds.entries()) {
			const length = lengths[i] as number;
			if (kind === ItemKind.zeros) {
				yield { id: undefined, length };
				continue;
			}
			const id = ids.subarray(at, at + idBytes);
			at += idBytes;
			if (kind === ItemKind.chunk) yield { id, length };
			else yield* this.items(decodeList(this.readAt(id, 0)));
		}
	}

	/** Every slice is overwritten when the next is asked for, as the contract allows. */
	*bytes(content: Content): Iterable<Bytes> {
		for (const { id, length } of this.items(content)) {
			const slice =
				id === undefined
					? new Uint8Array(length)
					: new Uint8Array(this.readAt(id, 0));
			yield slice;
			slice.fill(0xee);
		}
	}
}

function contentOf(
	items: readonly { kind: ItemKind; length: number; id: Bytes }[],
): Content {
	if (items.length === 0) return emptyContent;
	return {
		kinds: items.map(({ kind }) => kind),
		lengths: items.map(({ length }) => length),
		ids: Buffer.concat(items.map(({ id }) => id)),
	};
}

function zerosAt(bytes: Bytes, at: number): number {
	let end = at;
	while (end < bytes.length && bytes[end] === 0) end++;
	return end - at;
}
