import { constants, ftruncateSync, unlinkSync, writeSync } from "node:fs";
import type { Attribute, Bytes } from "@varve/format";
import { isDamage } from "../damage.ts";
import type { BatchFrames } from "./batch-frames.ts";
import { createMode, giveAttributes } from "./entry-attributes.ts";
import { attemptRemoval, failureOf } from "./failed-call.ts";
import { inheritsAcl } from "./inherited-acl.ts";
import { openFileEntry } from "./open-entry.ts";
import type { Owners } from "./owners.ts";
import { lengthOf } from "./part-columns.ts";
import type { Tally } from "./tally.ts";
import type { TargetCalls } from "./target-calls.ts";
import type { TargetTree } from "./target-tree.ts";
import { type PartColumns, PartFlag } from "./tasks.ts";

/** Never follows a link, never opens what is already there. */
export const createFlags =
	constants.O_WRONLY |
	constants.O_CREAT |
	constants.O_EXCL |
	(constants.O_NOFOLLOW ?? 0);
const zeros = 256 * 1024;
const noXattrs: readonly Attribute[] = [];

export interface PartWriterOptions {
	readonly tree: TargetTree;
	readonly calls: Pick<TargetCalls, "setFileTime" | "setPathTime" | "xattrs">;
}

/** Writes files of a batch: as few system calls for each as its attributes allow. */
export class PartWriter {
	readonly #options: PartWriterOptions;
	#zeros: Bytes | undefined;

	constructor(options: PartWriterOptions) {
		this.#options = options;
	}

	/** Makes the file, or writes a part of an open one. What goes wrong is told to `tally`; a full target is thrown. */
	write(parts: PartColumns, part: number, to: WriteContext): void {
		try {
			if (parts.descriptor[part] === -1) this.#writeFile(parts, part, to);
			else
				to.tally.bytes += this.#writeItems(
					parts,
					part,
					parts.descriptor[part] as number,
					to.frames,
				);
		} catch (error) {
			this.#report(error, part, to.tally);
		}
	}

	#writeFile(parts: PartColumns, part: number, to: WriteContext): void {
		const first = parts.firstItem[part] as number;
		const end = parts.firstItem[part + 1] as number;
		if (first < end && (parts.frame[first] as number) >= 0)
			to.frames.proved(parts, first);
		const { tree } = this.#options;
		const suffix = parts.suffixes[part] as string;
		const fd = tree.open(suffix, createFlags, createMode);
		let isWhole = false;
		try {
			to.tally.bytes += this.#writeItems(parts, part, fd, to.frames);
			isWhole = true;
			this.#setAttributes(parts, part, fd, to);
		} finally {
			tree.shut(fd);
			if (!isWhole) attemptRemoval(() => unlinkSync(tree.path(suffix)));
		}
		to.tally.files++;
	}

	/** Returns how many bytes of content were written, or left as holes. */
	#writeItems(
		parts: PartColumns,
		part: number,
		fd: number,
		frames: BatchFrames,
	): number {
		const start = parts.position[part] as number;
		const end = parts.firstItem[part + 1] as number;
		const flags = parts.flags[part] as number;
		const keepsHoles = (flags & PartFlag.holes) !== 0;
		let at = start;
		// A file that grows with every write is given more room than it needs by xfs, which keeps that where a hole comes then.
		if (keepsHoles && (flags & PartFlag.end) !== 0)
			ftruncateSync(fd, start + lengthOf(parts, part));
		for (let item = parts.firstItem[part] as number; item < end; ) {
			const isZeros = (parts.frame[item] as number) < 0;
			if (isZeros) {
				const length = parts.length[item++] as number;
				if (!keepsHoles) this.#writeZeros(fd, at, length);
				at += length;
			} else {
				const next = runEnd(parts, item, end);
				at += writeRun(fd, at, frames, parts, item, next);
				item = next;
			}
		}
		return at - start;
	}

	#writeZeros(fd: number, from: number, length: number): void {
		this.#zeros ??= new Uint8Array(zeros);
		const end = from + length;
		for (let at = from; at < end; at += zeros)
			writeAll(fd, this.#zeros.subarray(0, Math.min(zeros, end - at)), at);
	}

	#setAttributes(
		parts: PartColumns,
		part: number,
		fd: number,
		to: WriteContext,
	): void {
		const { tree, calls } = this.#options;
		const { owners, tally } = to;
		owners.judge(
			parts.mode[part] as number,
			parts.uid[part] as number,
			parts.gid[part] as number,
		);
		tally.countLosses(owners);
		giveAttributes(
			openFileEntry(fd, calls),
			{
				owners,
				kind: "file",
				seconds: parts.seconds[part] as number,
				nanoseconds: parts.nanoseconds[part] as number,
				xattrs: parts.xattrs.get(part) ?? noXattrs,
				inheritsAcl: inheritsAcl(tree, parts.suffixes[part] as string, calls),
			},
			tally.sinkOf(part),
		);
	}

	#report(error: unknown, part: number, tally: Tally): void {
		if (isDamage(error)) {
			tally.add(part, "damaged", error.code, error.message);
			return;
		}
		const { reason, message } = failureOf(error, this.#options.tree.root.path);
		tally.add(part, "unwritten", reason, message);
	}
}

export interface WriteContext {
	readonly frames: BatchFrames;
	readonly owners: Owners;
	readonly tally: Tally;
}

/** Items from `item` on whose chunks stand beside each other in one frame. */
function runEnd(parts: PartColumns, item: number, end: number): number {
	let next = item + 1;
	while (
		next < end &&
		parts.frame[next] === parts.frame[item] &&
		parts.ordinal[next] === (parts.ordinal[next - 1] as number) + 1
	)
		next++;
	return next;
}

function writeRun(
	fd: number,
	at: number,
	frames: BatchFrames,
	parts: PartColumns,
	item: number,
	end: number,
): number {
	let frame = frames.proved(parts, item);
	const start = frame.startOf(parts.ordinal[item] as number);
	let length = parts.length[item] as number;
	for (let next = item + 1; next < end; next++) {
		frame = frames.proved(parts, next);
		length += parts.length[next] as number;
	}
	writeAll(fd, frame.raw.subarray(start, start + length), at);
	return length;
}

function writeAll(fd: number, bytes: Bytes, at: number): void {
	for (let done = 0; done < bytes.length; )
		done += writeSync(fd, bytes, done, bytes.length - done, at + done);
}
