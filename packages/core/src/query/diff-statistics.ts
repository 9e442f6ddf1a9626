import { idToBytes, type Node, NodeKind } from "@varve/format";
import type { ObjectReader } from "../repository.ts";
import type { NodeChange } from "./compare-nodes.ts";
import type { PlacedNode } from "./entry.ts";
import { IdTable } from "./id-table.ts";

/** Entries, and stored objects with their bytes before compression, that are on one side only. */
export interface DiffSums {
	readonly files: number;
	readonly dirs: number;
	readonly others: number;
	/** Chunks of file content. */
	readonly dataBlobs: number;
	readonly treeBlobs: number;
	readonly bytes: number;
}

export interface DiffStatistics {
	/** Files with other content. */
	readonly changedFiles: number;
	readonly added: DiffSums;
	readonly removed: DiffSums;
}

/** Two entries of one name that are not the same, or one that is on one side only. */
export interface DifferingPair {
	readonly before: PlacedNode | undefined;
	readonly after: PlacedNode | undefined;
	readonly changes: readonly NodeChange[];
}

type Side = "removed" | "added";
type Draft = { -readonly [K in keyof DiffSums]: number };

/** Columns of the table of objects: on which sides it is, what it is, how long it is. */
const sideColumn = 0;
const kindColumn = 1;
const lengthColumn = 2;
const bits: Readonly<Record<Side, number>> = { removed: 1, added: 2 };
const treeKind = 1;

/** Counts what a diff meets. Objects that also lie in what is the same on both sides are counted where they are new to the rest. */
export class DiffCount {
	readonly #objects: ObjectReader;
	readonly #table = new IdTable(3);
	readonly #sums: Readonly<Record<Side, Draft>> = {
		removed: noSums(),
		added: noSums(),
	};
	#changedFiles = 0;

	constructor(objects: ObjectReader) {
		this.#objects = objects;
	}

	add({ before, after, changes }: DifferingPair): void {
		const isOther = before === undefined || after === undefined;
		if (isOther || changes.includes("type")) {
			if (before !== undefined) this.#count("removed", before.node);
			if (after !== undefined) this.#count("added", after.node);
		} else if (changes.includes("content")) this.#changedFiles++;
		else if (!changes.includes("entries")) return;
		if (before !== undefined) this.#note("removed", before.node);
		if (after !== undefined) this.#note("added", after.node);
	}

	finish(): DiffStatistics {
		for (const slot of this.#table.slots()) {
			const sides = this.#table.get(sideColumn, slot);
			if (sides === bits.removed) this.#sum("removed", slot);
			if (sides === bits.added) this.#sum("added", slot);
		}
		const { added, removed } = this.#sums;
		return { changedFiles: this.#changedFiles, added, removed };
	}

	#sum(side: Side, slot: number): void {
		const sums = this.#sums[side];
		sums.bytes += this.#table.get(lengthColumn, slot);
		if (this.#table.get(kindColumn, slot) === treeKind) sums.treeBlobs++;
		else sums.dataBlobs++;
	}

	#count(side: Side, { kind }: Node): void {
		if (kind === NodeKind.file) this.#sums[side].files++;
		else if (kind === NodeKind.directory) this.#sums[side].dirs++;
		else this.#sums[side].others++;
	}

	/** Marks the objects of an entry as being on a side. */
	#note(side: Side, { tree, content }: Node): void {
		if (tree !== undefined) {
			const slot = this.#mark(side, idToBytes(tree));
			this.#table.set(kindColumn, slot, treeKind);
			this.#table.set(lengthColumn, slot, this.#objects.read(tree).length);
		}
		for (const { id, length } of this.#objects.items(content)) {
			if (id === undefined) continue;
			const slot = this.#mark(side, id);
			this.#table.set(lengthColumn, slot, length);
		}
	}

	#mark(side: Side, id: Uint8Array): number {
		const slot = this.#table.slot(id, 0);
		const sides = this.#table.get(sideColumn, slot);
		this.#table.set(sideColumn, slot, sides | bits[side]);
		return slot;
	}
}

function noSums(): Draft {
	return { files: 0, dirs: 0, others: 0, dataBlobs: 0, treeBlobs: 0, bytes: 0 };
}
