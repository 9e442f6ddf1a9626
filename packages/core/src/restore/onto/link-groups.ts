import {
	type Bytes,
	decodeLinks,
	decodeName,
	type SnapshotRecord,
} from "@varve/format";
import { isDamage } from "../../damage.ts";
import type { ObjectReader } from "../../repository.ts";

interface Group {
	/** Names that are as they should be, by the file they are (`dev:ino`). */
	readonly right: Map<string, string[]>;
	/** A name is to be made anew, or is not there. */
	isBroken: boolean;
}

/** Which names of a snapshot are one file, and whether those in the target are. */
export class LinkGroups {
	readonly #groups = new Map<string, Group>();
	/** Of each file with several names in the target, the group (or the one path) it was met under. */
	readonly #met = new Map<string, Group | string>();

	/** A damaged table is read as far as it goes: whoever restores says so. */
	static read(
		objects: Pick<ObjectReader, "pieces">,
		{ links }: Pick<SnapshotRecord, "links">,
	): LinkGroups {
		const found = new LinkGroups();
		if (links === undefined) return found;
		try {
			for (const piece of objects.pieces(links)) found.#add(piece);
		} catch (error) {
			if (!isDamage(error)) throw error;
		}
		return found;
	}

	#add(piece: Bytes): void {
		for (const paths of decodeLinks(piece)) {
			const group: Group = { right: new Map(), isBroken: false };
			for (const { root, path } of paths)
				this.#groups.set(keyOf(root, decodeName(path)), group);
		}
	}

	has(root: number, path: string): boolean {
		return this.#groups.size > 0 && this.#groups.has(keyOf(root, path));
	}

	/** True if a file with several names is one that was met under a name which is another file in the snapshot. */
	isForeign(root: number, path: string, file: string): boolean {
		const key = keyOf(root, path);
		const own = this.#groups.get(key) ?? key;
		const other = this.#met.get(file);
		if (other === undefined) this.#met.set(file, own);
		return other !== undefined && other !== own;
	}

	/** A name of a group that is as it should be, and which file it is. */
	right(root: number, path: string, file: string): void {
		const key = keyOf(root, path);
		const group = this.#groups.get(key);
		if (group === undefined) return;
		const names = group.right.get(file);
		if (names === undefined) group.right.set(file, [key]);
		else names.push(key);
	}

	/** A name that is made anew. */
	broken(root: number, path: string): void {
		const group = this.#groups.get(keyOf(root, path));
		if (group !== undefined) group.isBroken = true;
	}

	/** The same for all names below a directory that is made anew; "" for the root. */
	brokenBelow(root: number, path: string): void {
		const start = keyOf(root, path === "" ? "" : `${path}/`);
		for (const [key, group] of this.#groups)
			if (key.startsWith(start)) group.isBroken = true;
	}

	/** True for a name that is as it should be, but must become one file with others of its group. */
	mustJoin(root: number, path: string): boolean {
		const group = this.#groups.get(keyOf(root, path));
		return group !== undefined && (group.isBroken || group.right.size > 1);
	}
}

function keyOf(root: number, path: string): string {
	return `${root}:${path}`;
}
