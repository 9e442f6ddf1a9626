import { fstatSync } from "node:fs";
import { lowerBound } from "../lower-bound.ts";
import { type Hole, HoleFinder, holeMargin } from "../snapshot/holes.ts";
import type { TargetTree } from "./target-tree.ts";
import { type PartColumns, PartFlag } from "./tasks.ts";

/** Where to read on, if a byte lies in one of the holes (ascending) and not at its ends; else that byte. */
export function pastHole(holes: readonly Hole[], at: number): number {
	const hole = holes[lowerBound(holes, ({ end }) => end - at - 1)];
	const isIn = hole !== undefined && at >= hole.start + holeMargin;
	return isIn ? Math.max(at, hole.end - holeMargin) : at;
}

/** Holes of the file that is read back just now, as far as its file system is to be believed. */
export class KnownHoles {
	readonly #tree: TargetTree;
	readonly #finder = new HoleFinder();
	#suffix: string | undefined;
	#holes: readonly Hole[] = [];

	constructor(tree: TargetTree) {
		this.#tree = tree;
	}

	/** Turns to the open file of a part. */
	enter(fd: number, parts: PartColumns, part: number): void {
		const suffix = parts.suffixes[part] as string;
		if (suffix === this.#suffix) return;
		this.#suffix = suffix;
		const hasHoles = ((parts.flags[part] as number) & PartFlag.holes) !== 0;
		this.#holes = hasHoles ? this.#find(fd, suffix) : [];
	}

	/** Where to read on, if a byte lies in a hole; else that byte. */
	pastHole(at: number): number {
		return pastHole(this.#holes, at);
	}

	#find(fd: number, suffix: string): readonly Hole[] {
		const identity = fstatSync(fd, { bigint: true });
		return this.#finder.of(this.#tree.pathText(suffix), identity);
	}
}
