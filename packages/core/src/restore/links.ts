import {
	type Attribute,
	decodeLinks,
	decodeName,
	equalBytes,
	type Node,
	type NodeKind,
	type SnapshotRecord,
	type VarveError,
} from "@varve/format";
import { isDamage } from "../damage.ts";
import type { ObjectReader } from "../repository.ts";

/** A path that becomes another name of one that is restored already. */
export interface PendingLink {
	readonly suffix: string;
	readonly leader: string;
	readonly kind: NodeKind;
}

interface Group {
	leader: { readonly suffix: string; readonly node: Node } | undefined;
}

/** The hard links of a snapshot. Of each group the first path that is restored is made, the others are linked to it. */
export class HardLinks {
	readonly pending: PendingLink[] = [];
	readonly #groups = new Map<string, Group>();

	/** Reads the table of a snapshot. Damage is returned, beside the groups read before it: their files are then restored apart. */
	static read(
		objects: ObjectReader,
		{ links }: Pick<SnapshotRecord, "links">,
	): { links: HardLinks; damage: VarveError | undefined } {
		const found = new HardLinks();
		if (links === undefined) return { links: found, damage: undefined };
		try {
			for (const piece of objects.pieces(links)) found.#add(piece);
		} catch (error) {
			if (!isDamage(error)) throw error;
			return { links: found, damage: error };
		}
		return { links: found, damage: undefined };
	}

	#add(piece: Uint8Array): void {
		for (const paths of decodeLinks(piece)) {
			const group: Group = { leader: undefined };
			for (const { root, path } of paths)
				this.#groups.set(keyOf(root, decodeName(path)), group);
		}
	}

	get isEmpty(): boolean {
		return this.#groups.size === 0;
	}

	/**
	 * True if this entry is to be linked, later, to one that was restored before: it is then pending. `path` is its path below its
	 * root. An entry that is not the same as the first of its group is restored for itself.
	 */
	takes(
		root: number,
		path: string,
		entry: { suffix: string; node: Node },
	): boolean {
		const group = this.#groups.get(keyOf(root, path));
		if (group === undefined) return false;
		if (group.leader === undefined) {
			group.leader = entry;
			return false;
		}
		if (!isSame(group.leader.node, entry.node)) return false;
		const { suffix, node } = group.leader;
		this.pending.push({
			suffix: entry.suffix,
			leader: suffix,
			kind: node.kind,
		});
		return true;
	}
}

function keyOf(root: number, path: string): string {
	return `${root}:${path}`;
}

function isSame(a: Node, b: Node): boolean {
	return (
		a.kind === b.kind &&
		a.mode === b.mode &&
		a.uid === b.uid &&
		a.gid === b.gid &&
		a.mtime === b.mtime &&
		a.mtimeNs === b.mtimeNs &&
		a.device === b.device &&
		a.xattrs.length === b.xattrs.length &&
		a.xattrs.every((xattr, i) => equalXattrs(xattr, b.xattrs[i])) &&
		equalBytes(a.content.ids, b.content.ids) &&
		a.content.lengths.join() === b.content.lengths.join() &&
		a.content.kinds.join() === b.content.kinds.join() &&
		equalBytes(a.target ?? noBytes, b.target ?? noBytes)
	);
}

function equalXattrs(a: Attribute, b: Attribute | undefined): boolean {
	return (
		b !== undefined &&
		equalBytes(a.name, b.name) &&
		equalBytes(a.value, b.value)
	);
}

const noBytes = new Uint8Array(0);
