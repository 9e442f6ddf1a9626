// Real content to measure with: the files below a directory, or bytes that compress not at all.

import { randomFillSync } from "node:crypto";
import {
	closeSync,
	fstatSync,
	openSync,
	readdirSync,
	readSync,
	statSync,
} from "node:fs";
import { join } from "node:path";

/** Regular files below `root` in the order of a walk, or `root` itself. */
export function* filesBelow(root) {
	if (!statSync(root).isDirectory()) {
		yield root;
		return;
	}
	const entries = readdirSync(root, { withFileTypes: true });
	entries.sort((a, b) => (a.name < b.name ? -1 : 1));
	for (const entry of entries) {
		if (entry.isDirectory()) yield* filesBelow(join(root, entry.name));
		else if (entry.isFile()) yield join(root, entry.name);
	}
}

/**
 * The content of these files in turn, read into `memory`; yields how many bytes lie there: of one file each, or, for `joined`, of as
 * many as fit. A longer file comes in pieces.
 */
export function* readInto(memory, files, { joined }) {
	let fill = 0;
	for (const file of files) {
		const fd = openSync(file, "r");
		for (let left = fstatSync(fd).size; left > 0; ) {
			const wanted = Math.min(left, memory.length - fill);
			const count = readSync(fd, memory, fill, wanted, null);
			if (count === 0) break;
			fill += count;
			left -= count;
			if (fill < memory.length) continue;
			yield fill;
			fill = 0;
		}
		closeSync(fd);
		if (joined || fill === 0) continue;
		yield fill;
		fill = 0;
	}
	if (fill > 0) yield fill;
}

/** Frames of 1 MiB from all over a tree: every `step`-th, at most `count`. */
export function sampleFrames(root, { step, count }) {
	const memory = new Uint8Array(1024 * 1024);
	const frames = [];
	let seen = 0;
	for (const length of readInto(memory, filesBelow(root), { joined: true })) {
		if (seen++ % step === 0) frames.push(memory.slice(0, length));
		if (frames.length === count) break;
	}
	return frames;
}

export function randomBytes(length) {
	const bytes = new Uint8Array(length);
	const step = 1 << 28;
	for (let at = 0; at < length; at += step)
		randomFillSync(bytes, at, Math.min(step, length - at));
	return bytes;
}
