import { ByteReader, type Bytes, ByteWriter } from "./bytes.ts";

/** One path of a group of hard links. */
export interface LinkPath {
	/** Index of the root in the snapshot record. */
	readonly root: number;
	/** Below the root, components joined by "/". */
	readonly path: Bytes;
}

/** Paths of one inode that are in the snapshot: two or more, in the order of the walk. */
export type LinkGroup = readonly LinkPath[];

const linksMagic = 0x00314856; // "VH1\0"

/** A piece of the table of hard links: "VH1\0", group count (varint), then for each group path count (varint), and root (varint) and path (block) of each. Groups stand in the order of their first paths. */
export function encodeLinks(groups: readonly LinkGroup[]): Bytes {
	const w = new ByteWriter(256);
	w.u32(linksMagic);
	w.varint(groups.length);
	for (const group of groups) {
		w.varint(group.length);
		for (const { root, path } of group) {
			w.varint(root);
			w.block(path);
		}
	}
	return w.finish();
}

export function decodeLinks(bytes: Bytes): LinkGroup[] {
	const r = new ByteReader(bytes, "links table");
	if (r.u32() !== linksMagic) r.fail("does not begin with VH1");
	const count = r.varint();
	if (count > r.left) r.fail(`names ${count} groups`);
	const groups = Array.from({ length: count }, () => {
		const paths = r.varint();
		if (paths < 2 || paths > r.left) r.fail(`holds a group of ${paths}`);
		return Array.from({ length: paths }, () => ({
			root: r.varint(),
			path: r.block(),
		}));
	});
	r.end();
	return groups;
}
