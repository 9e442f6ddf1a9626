import {
	type Bytes,
	type Content,
	ItemKind,
	idBytes,
	maxInlineItems,
} from "@varve/format";
import type { SpanItems } from "./ingest.ts";

/** Stores a list object and returns its id, 32 bytes. */
export type StoreList = (list: Content) => Bytes;

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
	#lists = false;

	constructor(storeList: StoreList) {
		this.#storeList = storeList;
	}

	/** The items of the span with this index. */
	add(index: number, span: Content): void {
		if (span.kinds.length <= maxInlineItems) {
			this.#spans.set(index, span);
			return;
		}
		this.#lists = true;
		this.#spans.set(index, this.#asList(span));
	}

	/** Spans from this index on of which nothing was read, as they lie in a hole. */
	addZeros(index: number, length: number): void {
		const kinds = [ItemKind.zeros];
		this.#spans.set(index, { kinds, lengths: [length], ids: noBytes });
	}

	finish(): Content {
		const spans = [...this.#spans]
			.sort(([a], [b]) => a - b)
			.map(([, span]) => span);
		const inline = join(spans);
		if (!this.#lists && inline.kinds.length <= maxInlineItems) return inline;
		return join(
			spans.map((span) => (span.kinds.length > 1 ? this.#asList(span) : span)),
		);
	}

	#asList(span: Content): Content {
		let length = 0;
		for (const part of span.lengths) length += part;
		return {
			kinds: [ItemKind.list],
			lengths: [length],
			ids: this.#storeList(span),
		};
	}
}

const noBytes = new Uint8Array(0);

/** The content of a file whose spans were cut by one thread. */
export function assembleContent(
	items: SpanItems,
	storeList: StoreList,
): Content {
	if (items.kinds.length <= 1)
		return { kinds: items.kinds, lengths: items.lengths, ids: items.ids };
	const assembly = new ContentAssembly(storeList);
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
