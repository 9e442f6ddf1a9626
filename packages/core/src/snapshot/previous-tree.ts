import {
	type Bytes,
	compareBytes,
	decodePages,
	decodeTree,
	isPaged,
	type Node,
	type TreeId,
	type TreePage,
} from "@varve/format";
import { lowerBound } from "../lower-bound.ts";
import type { ObjectReader } from "../repository.ts";

/** The tree of one directory in the parent snapshot, decoded page by page as names are asked for. */
export class PreviousTree {
	readonly id: TreeId;
	readonly pages: readonly TreePage[] | undefined;
	readonly #objects: ObjectReader;
	#nodes: readonly Node[];
	#page = -1;

	constructor(objects: ObjectReader, id: TreeId) {
		this.id = id;
		this.#objects = objects;
		const bytes = objects.read(id).slice();
		this.pages = isPaged(bytes) ? decodePages(bytes) : undefined;
		this.#nodes = this.pages === undefined ? decodeTree(bytes) : [];
	}

	/** Of the tree that holds this name or would hold it: the page, or the only one. */
	treeFor(name: Bytes): TreeId {
		const { pages, id } = this;
		if (pages === undefined) return id;
		const index = lowerBound(pages, ({ last }) => compareBytes(last, name));
		return (pages[index] ?? pages.at(-1))?.tree ?? id;
	}

	node(name: Bytes): Node | undefined {
		if (this.pages !== undefined && !this.#load(this.pages, name))
			return undefined;
		const index = lowerBound(this.#nodes, (node) =>
			compareBytes(node.name, name),
		);
		const found = this.#nodes[index];
		return found !== undefined && compareBytes(found.name, name) === 0
			? found
			: undefined;
	}

	#load(pages: readonly TreePage[], name: Bytes): boolean {
		const index = lowerBound(pages, (page) => compareBytes(page.last, name));
		const page = pages[index];
		if (page === undefined) return false;
		if (index !== this.#page) {
			this.#nodes = decodeTree(this.#objects.read(page.tree).slice());
			this.#page = index;
		}
		return true;
	}
}
