import {
	type Bytes,
	type ChunkId,
	type Content,
	ItemKind,
	idAt,
	idBytes,
	maxInlineItems,
	spanBytes,
} from "@varve/format";
import type { SpanItems } from "./ingest.ts";

/** Stores a list object and returns its id, 32 bytes. `former`: id in hex of the one that stood in its place in the parent snapshot. */
export type StoreList = (list: Content, former: ChunkId | undefined) => Bytes;

interface Column {
	kinds: ItemKind[];
	lengths: number[];
	ids: Bytes[];
}

/**
 * Gathers the spans of one file, in any order, into its content. Up to 16 items stand in the content itself; else each span of
 * more than one item becomes a list object. The result depends on the file's bytes alone.
 */
export class ContentAssembly {
	/** By index; what stands for several spans has the index of the first. */
	readonly #spans = new Map<number, Content>();
	readonly #storeList: StoreList;
	/** What the file held in the parent snapshot. */
	readonly #former: Content | undefined;
	#lists = false;

	constructor(storeList: StoreList, former?: Content) {
		this.#storeList = storeList;
		this.#former = former;
	}

	/** The items of the span with this index. */
	add(index: number, span: Content): void {
		if (span.kinds.length <= maxInlineItems) {
			this.#spans.set(index, span);
			return;
		}
		this.#lists = true;
		this.#spans.set(index, this.#asList(index, span));
	}

	/** Spans from this index on of which nothing was read, as they lie in a hole. */
	addZeros(index: number, length: number): void {
		const kinds = [ItemKind.zeros];
		this.#spans.set(index, { kinds, lengths: [length], ids: noBytes });
	}

	finish(): Content {
		const spans = [...this.#spans].sort(([a], [b]) => a - b);
		const inline = join(spans.map(([, span]) => span));
		if (!this.#lists && inline.kinds.length <= maxInlineItems) return inline;
		return join(
			spans.map(([index, span]) =>
				span.kinds.length > 1 ? this.#asList(index, span) : span,
			),
		);
	}

	#asList(index: number, span: Content): Content {
		let length = 0;
		for (const part of span.lengths) length += part;
		return {
			kinds: [ItemKind.list],
			lengths: [length],
			ids: this.#storeList(
				span,
				this.#former && listAt(this.#former, index * spanBytes),
			),
		};
	}
}

const noBytes = new Uint8Array(0);

/** The list that stands for the byte at `at`; undefined if something else does. */
function listAt(
	{ kinds, lengths, ids }: Content,
	at: number,
): ChunkId | undefined {
	let end = 0;
	let row = 0;
	for (const [i, kind] of kinds.entries()) {
		end += lengths[i] as number;
		if (at < end)
			return kind === ItemKind.list
				? idAt<ChunkId>(ids, row * idBytes)
				: undefined;
		if (kind !== ItemKind.zeros) row++;
	}
	return undefined;
}

/** The content of a file whose spans were cut by one thread. */
export function assembleContent(
	items: SpanItems,
	storeList: StoreList,
	former?: Content,
): Content {
	if (items.kinds.length <= 1)
		return { kinds: items.kinds, lengths: items.lengths, ids: items.ids };
	const assembly = new ContentAssembly(storeList, former);
	let start = 0;
	let idsAt = 0;
	items.spanEnds.forEach((end, index) => {
		const kinds = items.kinds.slice(start, end);
		const idsEnd =
			idsAt + kinds.filter((kind) => kind !== ItemKind.zeros).length * idBytes;
		assembly.add(index, {
			kinds,
			lengths: items.lengths.slice(start, end),
			ids: items.ids.subarray(idsAt, idsEnd),
		});
		start = end;
		idsAt = idsEnd;
	});
	return assembly.finish();
}

/** Items of all spans in one row, runs of zeros that meet merged. */
function join(spans: readonly Content[]): Content {
	const all: Column = { kinds: [], lengths: [], ids: [] };
	for (const span of spans) {
		span.kinds.forEach((kind, i) => {
			const length = span.lengths[i] as number;
			const last = all.kinds.length - 1;
			if (kind === ItemKind.zeros && all.kinds[last] === ItemKind.zeros)
				all.lengths[last] = (all.lengths[last] as number) + length;
			else {
				all.kinds.push(kind);
				all.lengths.push(length);
			}
		});
		all.ids.push(span.ids);
	}
	const ids = new Uint8Array(
		all.ids.reduce((sum, part) => sum + part.length, 0),
	);
	let at = 0;
	for (const part of all.ids) {
		ids.set(part, at);
		at += part.length;
	}
	return { kinds: all.kinds, lengths: all.lengths, ids };
}
