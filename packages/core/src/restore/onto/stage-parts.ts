import {
	closeSync,
	fstatSync,
	ftruncateSync,
	openSync,
	readSync,
	unlinkSync,
	writeSync,
} from "node:fs";
import { type Bytes, type ChunkId, contentLength, toHex } from "@varve/format";
import type { ObjectReader } from "../../repository.ts";
import { systemPath } from "../../system.ts";
import { createMode, giveAttributes } from "../entry-attributes.ts";
import { openFileEntry } from "../open-entry.ts";
import type { Owners } from "../owners.ts";
import { createFlags } from "../part-writer.ts";
import { countLosses } from "../tally.ts";
import type { TargetCalls } from "../target-calls.ts";
import type { Changes } from "./changes.ts";
import { type DifferingPart, readFlags } from "./differing-parts.ts";
import type { Item } from "./items.ts";
import type { PatchStep } from "./journal.ts";

/** Files smaller than this are written anew, where their blocks cannot be shared. */
const minPatched = 64 * 1024 * 1024;
/** Where more than this share of a file differs, it is written anew. */
const maxPatchedShare = 1 / 8;
const slice = 1024 * 1024;

export interface StagePartsOptions {
	readonly objects: Pick<ObjectReader, "read">;
	readonly changes: Changes;
	readonly calls: TargetCalls;
	readonly owners: Owners;
	/** Counts what cannot be given back. */
	readonly lose: (what: string) => void;
	/** Bytes from which on a file is patched in place; only tests give another. */
	readonly minPatched?: number | undefined;
}

/** What lies in the slot of a large file of which some parts differ. */
export type StagedParts =
	/** The whole new file, sharing with the old one what is the same in both. */
	| { readonly method: "swap"; readonly bytes: number }
	| {
			readonly method: "patch";
			readonly bytes: number;
			readonly patch: Pick<PatchStep, "parts" | "sizes">;
	  };

/**
 * Writes only what differs of a large file into its slot. undefined where that is of no use: it is to be written in full then.
 * Throws errors of the system, and what is wrong in the repository.
 */
export function stageParts(
	item: Item,
	slot: string,
	options: StagePartsOptions,
): StagedParts | undefined {
	const { wanted, live, parts } = item;
	if (wanted === undefined || live === undefined || parts === undefined)
		return undefined;
	// Holes could be kept only by writing it anew.
	if (wanted.node.holes || live.node === undefined) return undefined;
	const old = item.top.tree.open(item.suffix, readFlags);
	try {
		const stat = fstatSync(old, { bigint: true });
		const isSame =
			stat.ino === live.stat.ino && stat.ctimeNs === live.stat.ctimeNs;
		if (!isSame) return undefined;
		return (
			cloneFile(item, { slot, old, parts }, options) ??
			preparePatch(item, { slot, old, parts }, options)
		);
	} finally {
		item.top.tree.shut(old);
	}
}

interface Source {
	readonly slot: string;
	/** Descriptor of what is there. */
	readonly old: number;
	readonly parts: readonly DifferingPart[];
}

function cloneFile(
	{ wanted }: Item,
	{ slot, old, parts }: Source,
	{ objects, changes, calls, owners, lose }: StagePartsOptions,
): StagedParts | undefined {
	const { node } = wanted as NonNullable<typeof wanted>;
	const fd = openSync(systemPath(slot), createFlags, createMode);
	let isWhole = false;
	try {
		if (!changes.clone(old, fd)) return undefined;
		let bytes = 0;
		for (const part of parts) {
			writePart(objects, part, fd, part.position);
			bytes += part.length;
		}
		ftruncateSync(fd, contentLength(node.content));
		owners.judge(node.mode, node.uid, node.gid);
		countLosses(owners, lose);
		giveAttributes(
			openFileEntry(fd, calls),
			{
				owners,
				seconds: node.mtime,
				nanoseconds: node.mtimeNs,
				xattrs: node.xattrs,
				kind: "file",
				inheritsAcl: true,
			},
			{ attempt: (change) => change(), lose },
		);
		isWhole = true;
		return { method: "swap", bytes };
	} finally {
		closeSync(fd);
		if (!isWhole) unlinkSync(systemPath(slot));
	}
}

/** New bytes, then old ones: so that it can be done, and undone, without the repository. */
function preparePatch(
	{ wanted, live }: Item,
	{ slot, old, parts }: Source,
	options: StagePartsOptions,
): StagedParts | undefined {
	const { node } = wanted as NonNullable<typeof wanted>;
	const { stat } = live as NonNullable<typeof live>;
	const after = contentLength(node.content);
	const before = Number(stat.size);
	const bytes = parts.reduce((sum, part) => sum + part.length, 0);
	const least = options.minPatched ?? minPatched;
	// What is cut off would have to be kept too.
	if (after < least || before > after || stat.nlink > 1n) return undefined;
	if (bytes > after * maxPatchedShare) return undefined;
	const fd = openSync(systemPath(slot), createFlags, createMode);
	try {
		let at = 0;
		for (const part of parts) {
			writePart(options.objects, part, fd, at);
			at += part.length;
		}
		for (const { position, length } of parts) {
			copyRange(old, fd, { from: position, to: at, length });
			at += length;
		}
	} finally {
		closeSync(fd);
	}
	const patch = {
		parts: parts.map(({ position, length }): readonly [number, number] => [
			position,
			length,
		]),
		sizes: [before, after] as const,
	};
	return { method: "patch", bytes, patch };
}

function writePart(
	objects: Pick<ObjectReader, "read">,
	{ id, length }: DifferingPart,
	fd: number,
	at: number,
): void {
	if (id !== undefined) {
		writeAll(fd, objects.read(toHex(id) as ChunkId), at);
		return;
	}
	const zeros = new Uint8Array(Math.min(slice, length));
	for (let done = 0; done < length; done += slice)
		writeAll(fd, zeros.subarray(0, Math.min(slice, length - done)), at + done);
}

/** Bytes past the end are missing. */
function copyRange(
	source: number,
	target: number,
	{
		from,
		to,
		length,
	}: { readonly from: number; readonly to: number; readonly length: number },
): void {
	const buffer = new Uint8Array(Math.min(slice, length));
	for (let done = 0; done < length; ) {
		const wanted = Math.min(slice, length - done);
		const count = readSync(source, buffer, 0, wanted, from + done);
		if (count === 0) return;
		writeAll(target, buffer.subarray(0, count), to + done);
		done += count;
	}
}

function writeAll(fd: number, bytes: Bytes, position: number): void {
	for (let done = 0; done < bytes.length; )
		done += writeSync(fd, bytes, done, bytes.length - done, position + done);
}
