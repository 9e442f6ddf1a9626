import { type Content, ItemKind, idBytes, type Node } from "@varve/format";
import type { FlatItem, ObjectReader } from "../repository.ts";

/** Files of at least this many bytes are written in parts, by several workers. */
export const largeBytes = 32 * 1024 * 1024;
const partBytes = 8 * 1024 * 1024;
const partItems = 4096;

/** The items of a file's content with lists resolved. Throws what is wrong with a list. */
export function flattenContent(
	objects: Pick<ObjectReader, "items">,
	{ content }: Node,
): Content {
	if (!content.kinds.includes(ItemKind.list)) return content;
	return contentOf([...objects.items(content)]);
}

export interface ContentPart {
	readonly content: Content;
	/** Where it begins in the file. */
	readonly position: number;
}

/**
 * Cuts a content at item boundaries into parts of about 8 MiB to be written: holes cost nothing, however many and large they are.
 * Throws what is wrong with a list, after the parts before it.
 */
export function* partsOf(
	objects: Pick<ObjectReader, "items">,
	{ content, holes }: Pick<Node, "content" | "holes">,
): Generator<ContentPart> {
	let items: FlatItem[] = [];
	let position = 0;
	let length = 0;
	let written = 0;
	for (const item of objects.items(content)) {
		const isHole = holes && item.id === undefined;
		const last = items.at(-1);
		if (isHole && last !== undefined && last.id === undefined)
			items[items.length - 1] = longer(last, item.length);
		else items.push(item);
		length += item.length;
		if (!isHole) written += item.length;
		if (written < partBytes && items.length < partItems) continue;
		yield { content: contentOf(items), position };
		position += length;
		items = [];
		length = 0;
		written = 0;
	}
	if (items.length > 0) yield { content: contentOf(items), position };
}

function longer(zeros: FlatItem, length: number): FlatItem {
	return { ...zeros, length: zeros.length + length };
}

function contentOf(items: readonly FlatItem[]): Content {
	const chunks = items.filter((item) => item.id !== undefined);
	const ids = new Uint8Array(chunks.length * idBytes);
	chunks.forEach((item, i) => {
		ids.set(item.id as Uint8Array, i * idBytes);
	});
	return {
		kinds: items.map((item) =>
			item.id === undefined ? ItemKind.zeros : ItemKind.chunk,
		),
		lengths: items.map((item) => item.length),
		ids,
	};
}
