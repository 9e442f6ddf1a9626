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
import { takeTurn } from "./take-turn.ts";

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
	/** Heeded between parts. */
	readonly signal?: AbortSignal | undefined;
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
export async function stageParts(
	item: Item,
	slot: string,
	options: StagePartsOptions,
): Promise<StagedParts | undefined> {
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
			(await cloneFile(item, { slot, old, parts }, options)) ??
			(await preparePatch(item, { slot, old, parts }, options))
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

async function cloneFile(
	{ wanted }: Item,
	{ slot, old, parts }: Source,
	options: StagePartsOptions,
): Promise<StagedParts | undefined> {
	const { changes, calls, owners, lose } = options;
	const { node } = wanted as NonNullable<typeof wanted>;
	return inSlot(slot, async (fd) => {
		if (!changes.clone(old, fd)) return undefined;
		let bytes = 0;
		for (const part of parts) {
			await writePart(part, { fd, at: part.position }, options);
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
		return { method: "swap", bytes };
	});
}

/** Writes a new file. It goes again if what is returned is undefined, or something fails. */
async function inSlot<T>(
	slot: string,
	write: (fd: number) => Promise<T | undefined>,
): Promise<T | undefined> {
	const fd = openSync(systemPath(slot), createFlags, createMode);
	let written: T | undefined;
	try {
		written = await write(fd);
		return written;
	} finally {
		closeSync(fd);
		if (written === undefined) unlinkSync(systemPath(slot));
	}
}

/** New bytes, then old ones: so that it can be done, and undone, without the repository. */
async function preparePatch(
	{ wanted, live }: Item,
	{ slot, old, parts }: Source,
	options: StagePartsOptions,
): Promise<StagedParts | undefined> {
	const { node } = wanted as NonNullable<typeof wanted>;
	const { stat } = live as NonNullable<typeof live>;
	const after = contentLength(node.content);
	const before = Number(stat.size);
	const bytes = parts.reduce((sum, part) => sum + part.length, 0);
	const least = options.minPatched ?? minPatched;
	// What is cut off would have to be kept too.
	if (after < least || before > after || stat.nlink > 1n) return undefined;
	if (bytes > after * maxPatchedShare) return undefined;
	const patch = {
		parts: parts.map(({ position, length }): readonly [number, number] => [
			position,
			length,
		]),
		sizes: [before, after] as const,
	};
	return inSlot(slot, async (fd) => {
		let at = 0;
		for (const part of parts) {
			await writePart(part, { fd, at }, options);
			at += part.length;
		}
		for (const { position, length } of parts) {
			const range = { from: position, to: at, length };
			await copyRange(old, fd, { ...range, signal: options.signal });
			at += length;
		}
		return { method: "patch", bytes, patch };
	});
}

/** Where to write. */
interface InFile {
	readonly fd: number;
	readonly at: number;
}

async function writePart(
	{ id, length }: DifferingPart,
	{ fd, at }: InFile,
	{ objects, signal }: StagePartsOptions,
): Promise<void> {
	if (id !== undefined) {
		await takeTurn(signal);
		writeAll(fd, objects.read(toHex(id) as ChunkId), at);
		return;
	}
	const zeros = new Uint8Array(Math.min(slice, length));
	for (let done = 0; done < length; done += slice) {
		await takeTurn(signal);
		writeAll(fd, zeros.subarray(0, Math.min(slice, length - done)), at + done);
	}
}

/** Bytes past the end are missing. */
async function copyRange(
	source: number,
	target: number,
	{
		from,
		to,
		length,
		signal,
	}: {
		readonly from: number;
		readonly to: number;
		readonly length: number;
		readonly signal: AbortSignal | undefined;
	},
): Promise<void> {
	const buffer = new Uint8Array(Math.min(slice, length));
	for (let done = 0; done < length; ) {
		await takeTurn(signal);
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
