import type { Bytes } from "./bytes.ts";
import { requireFeatures } from "./features.ts";
import type { Fields } from "./fields.ts";
import {
	type LeaseId,
	type PackId,
	parseLeaseId,
	parsePackId,
	parseSnapshotId,
	type SnapshotId,
} from "./id.ts";
import {
	decodeChecked,
	encodeChecked,
	type Json,
	type Sha256Hex,
} from "./json.ts";

/** Small objects of a repository that are written once and carry a checksum of themselves. */

export type LabelChange =
	| { readonly op: "add-tag" | "remove-tag"; readonly value: string }
	| { readonly op: "pin" | "unpin" }
	| { readonly op: "note"; readonly value: string }
	/** RFC 3339, or "" for never. */
	| { readonly op: "expire"; readonly value: string };

/** `labels/<snapshot>.<uuid>`: one later change to the labels of a snapshot. Merged in the order of time, then uuid. */
export type Label = LabelChange & {
	readonly snapshot: SnapshotId;
	/** RFC 3339 in UTC with milliseconds. */
	readonly time: string;
};

/** `forgotten/<snapshot>`: the record itself stays until the grace of gc is over. */
export interface Forgotten {
	readonly snapshot: SnapshotId;
	/** RFC 3339 with milliseconds, as all times below. */
	readonly time: string;
	readonly host: string;
	readonly user: string;
	readonly reason: string;
}

/** `leases/<uuid>.<n>`: someone works here now. `n` counts heartbeats; number 0 stays until release. */
export interface Lease {
	readonly lease: LeaseId;
	readonly kind: "writer" | "reader" | "gc";
	readonly beat: number;
	readonly host: string;
	readonly machineId: string;
	readonly bootId: string;
	readonly pid: number;
	/** Field 22 of /proc/<pid>/stat, or "". */
	readonly startTicks: string;
	/** Inode of the pid namespace, or "". */
	readonly pidNamespace: string;
	readonly created: string;
	/** Snapshots this run inherits from or reads. */
	readonly snapshots: readonly SnapshotId[];
	readonly program: string;
	readonly command: string;
}

/** `gc/<generation>`: what phase one of a gc condemned. The generation is named by the lease of its gc. */
export interface GcList {
	readonly generation: LeaseId;
	readonly time: string;
	/** Each once; written in ascending order, as are the snapshots. */
	readonly packs: readonly PackId[];
	readonly snapshots: readonly SnapshotId[];
	/**
	 * Who may not know of it: nothing is deleted before each of these leases has ended. Ascending; undefined until it has been found out, and
	 * that is not before the list is durable.
	 */
	readonly waitsFor?: readonly LeaseId[] | undefined;
}

type Plain = { readonly [key: string]: Json };
const plain = (value: object) => value as unknown as Plain;

export const encodeLabel = (label: Label, sha256: Sha256Hex): Bytes =>
	encodeChecked(plain(label), sha256);
export const encodeForgotten = (mark: Forgotten, sha256: Sha256Hex): Bytes =>
	encodeChecked(plain(mark), sha256);
export const encodeLease = (lease: Lease, sha256: Sha256Hex): Bytes =>
	encodeChecked(plain(lease), sha256);
export const encodeGcList = (list: GcList, sha256: Sha256Hex): Bytes =>
	encodeChecked(
		plain({
			...list,
			packs: [...list.packs].sort(),
			snapshots: [...list.snapshots].sort(),
			...(list.waitsFor && { waitsFor: [...list.waitsFor].sort() }),
		}),
		sha256,
	);

const withoutValue: readonly string[] = ["pin", "unpin"];
const withValue: readonly string[] = [
	"add-tag",
	"remove-tag",
	"note",
	"expire",
];

export function decodeLabel(bytes: Bytes, sha256: Sha256Hex): Label {
	const f = decodeChecked(bytes, "label", sha256);
	const op = f.string("op");
	if (!withoutValue.includes(op) && !withValue.includes(op))
		requireFeatures([`label-${op}`], "a label");
	const base = {
		snapshot: parseSnapshotId(f.string("snapshot")),
		time: f.time("time"),
		op,
	};
	if (!withValue.includes(op)) return base as Label;
	const isNever = op !== "expire" || f.string("value") === "";
	const value = isNever ? f.string("value") : f.time("value");
	return { ...base, value } as Label;
}

export function decodeForgotten(bytes: Bytes, sha256: Sha256Hex): Forgotten {
	const f = decodeChecked(bytes, "forgotten mark", sha256);
	return {
		snapshot: parseSnapshotId(f.string("snapshot")),
		time: f.time("time"),
		host: f.string("host"),
		user: f.string("user"),
		reason: f.string("reason"),
	};
}

export function decodeLease(bytes: Bytes, sha256: Sha256Hex): Lease {
	const f = decodeChecked(bytes, "lease", sha256);
	const kind = f.string("kind");
	if (kind !== "writer" && kind !== "reader" && kind !== "gc")
		requireFeatures([`lease-${kind}`], "a lease");
	return {
		lease: parseLeaseId(f.string("lease")),
		kind: kind as Lease["kind"],
		beat: f.count("beat"),
		host: f.string("host"),
		machineId: f.string("machineId"),
		bootId: f.string("bootId"),
		pid: f.count("pid"),
		startTicks: f.string("startTicks"),
		pidNamespace: f.string("pidNamespace"),
		created: f.time("created"),
		snapshots: f.strings("snapshots").map(parseSnapshotId),
		program: f.string("program"),
		command: f.string("command"),
	};
}

export function decodeGcList(bytes: Bytes, sha256: Sha256Hex): GcList {
	const f = decodeChecked(bytes, "gc list", sha256);
	return {
		generation: parseLeaseId(f.string("generation")),
		time: f.time("time"),
		packs: ascending(f, "packs").map(parsePackId),
		snapshots: ascending(f, "snapshots").map(parseSnapshotId),
		...(f.has("waitsFor") && {
			waitsFor: ascending(f, "waitsFor").map(parseLeaseId),
		}),
	};
}

function ascending(f: Fields, key: string): readonly string[] {
	const ids = f.strings(key);
	return ids.every((id, i) => i === 0 || (ids[i - 1] as string) < id)
		? ids
		: f.fail(key, "in ascending order");
}
