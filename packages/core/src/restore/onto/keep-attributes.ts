import type { BigIntStats } from "node:fs";
import { type Attribute, decodeName, type Node } from "@varve/format";
import { splitTime } from "../../time.ts";
import { isAcl, mapAcl } from "../acl-ids.ts";
import type { OpenEntry } from "../open-entry.ts";
import type { Owners } from "../owners.ts";
import type { KeptAttributes, Was } from "./journal.ts";

type Xattrs = readonly Attribute[];

/** Of what is there. */
export function liveAttributes(
	stat: BigIntStats,
	xattrs: Xattrs | undefined,
): KeptAttributes {
	const { seconds, nanoseconds } = splitTime(stat.mtimeNs);
	return {
		mode: Number(stat.mode) & 0o7777,
		uid: Number(stat.uid),
		gid: Number(stat.gid),
		mtime: seconds,
		mtimeNs: nanoseconds,
		xattrs: xattrs?.map(textual),
	};
}

/** Of an entry of the snapshot, as far as this process can give them. */
export function wantedAttributes(
	node: Pick<Node, "mode" | "uid" | "gid" | "mtime" | "mtimeNs" | "xattrs">,
	owners: Owners,
): KeptAttributes {
	owners.judge(node.mode, node.uid, node.gid);
	const { mode, uid, gid } = owners;
	const { mtime, mtimeNs } = node;
	const xattrs = attainableXattrs(node.xattrs, owners).map(textual);
	return { mode, uid, gid, mtime, mtimeNs, xattrs };
}

/** With the numbers that users and groups have here, and without those that only root may set, for who is not. */
export function attainableXattrs(xattrs: Xattrs, owners: Owners): Xattrs {
	if (xattrs.length === 0) return xattrs;
	return ownXattrs(xattrs, owners).map(({ name, value }) => ({
		name,
		value: isAcl(name) ? mapAcl(value, owners) : value,
	}));
}

/** Those that this process may set. */
export function ownXattrs(xattrs: Xattrs, { isRoot }: Owners): Xattrs {
	const isOfRoot = ({ name }: Attribute) =>
		/^(trusted|security)\./.test(decodeName(name));
	return isRoot ? xattrs : xattrs.filter((xattr) => !isOfRoot(xattr));
}

export function wasOf(stat: BigIntStats): Was {
	return {
		inode: String(stat.ino),
		size: String(stat.size),
		mtime: String(stat.mtimeNs),
		ctime: String(stat.ctimeNs),
		links: Number(stat.nlink),
	};
}

export interface AttributeChange {
	readonly from: KeptAttributes;
	readonly to: KeptAttributes;
	/** Runs one change; one that is refused does not keep the others from being made. */
	readonly attempt: (change: () => void) => void;
}

/** Changes what differs; at no moment is the entry open to anyone to whom it is neither before nor after. Can be repeated. */
export function changeAttributes(
	entry: OpenEntry,
	{ from, to, attempt }: AttributeChange,
): void {
	const changesOwner = from.uid !== to.uid || from.gid !== to.gid;
	const changesXattrs =
		to.xattrs !== undefined && to.xattrs.join() !== (from.xattrs ?? []).join();
	if (changesOwner || changesXattrs || from.mode !== to.mode) {
		attempt(() => entry.chmod(from.mode & to.mode & 0o777));
		if (changesOwner) attempt(() => entry.chown(to.uid, to.gid));
		if (changesXattrs) changeXattrs(entry, { from, to, attempt });
		attempt(() => entry.chmod(to.mode));
	}
	attempt(() => entry.setTime(to.mtime, to.mtimeNs));
}

function changeXattrs(
	{ xattrs: calls }: OpenEntry,
	{ from, to, attempt }: AttributeChange,
): void {
	if (calls === undefined || to.xattrs === undefined) return;
	const kept = new Set(to.xattrs.map(([name]) => name));
	for (const [name] of from.xattrs ?? [])
		if (!kept.has(name)) attempt(() => calls.remove(binary(name)));
	for (const [name, value] of to.xattrs)
		attempt(() => calls.set(binary(name), binary(value)));
}

function textual({ name, value }: Attribute): readonly [string, string] {
	const text = (bytes: Uint8Array) => Buffer.from(bytes).toString("base64");
	return [text(name), text(value)];
}

function binary(text: string): Uint8Array<ArrayBuffer> {
	return Uint8Array.from(Buffer.from(text, "base64"));
}
