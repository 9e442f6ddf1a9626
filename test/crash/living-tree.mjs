// A small tree that changes a little each hour, for campaigns over years. What it holds at an hour follows from seed and hour, so that any
// state can be made again.

import { mkdirSync, rmSync, utimesSync, writeFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { seeded } from "./random.mjs";

const blockBytes = 4096;
/** Seconds since 1970 at hour 0: behind the times of all that a snapshot could take for younger than itself. */
export const firstHour = Date.UTC(2030, 0, 1) / 1000;
const foldersOfFiles = 6;

/**
 * Files by path; each is a list of blocks, and a block a number its bytes follow from. `step` lets an hour pass: a few files have a block
 * changed, grow, shrink, come or go.
 */
export class LivingTree {
	#random;
	#next = 1;
	#hour = 0;
	#wanted;
	files = new Map();

	constructor({ seed, files }) {
		this.#random = seeded(seed);
		this.#wanted = files;
		for (let i = 0; i < files; i++) this.#add();
		this.#put("large", this.#blocks(100));
	}

	/** What it holds now; later steps do not change it. */
	state() {
		return new Map(this.files);
	}

	step(changes) {
		this.#hour++;
		this.#change("large");
		for (let i = 0; i < changes; i++) {
			const path = this.#random.pick([...this.files.keys()]);
			const kind = this.#random.below(10);
			if (kind === 0) this.#add();
			else if (kind === 1) this.#remove(path);
			else this.#change(path);
		}
	}

	#add() {
		const folder = this.#random.below(foldersOfFiles);
		const path = `folder-${folder}/file-${this.#next++}`;
		this.#put(path, this.#blocks(1 + this.#random.below(6)));
	}

	/** So many files as there were at first, or nearly. */
	#remove(path) {
		if (path !== "large" && this.files.size > this.#wanted * 0.9)
			this.files.delete(path);
	}

	/** One block is written anew; now and then there is one more, or one less. */
	#change(path) {
		const blocks = [...this.files.get(path).blocks];
		const at = this.#random.below(blocks.length);
		const kind = this.#random.below(8);
		if (kind === 0 && blocks.length > 2) blocks.splice(at, 1);
		else if (kind === 1 && blocks.length < 120)
			blocks.splice(at, 0, this.#next++);
		else blocks[at] = this.#next++;
		this.#put(path, blocks);
	}

	#blocks(count) {
		return Array.from({ length: count }, () => this.#next++);
	}

	#put(path, blocks) {
		this.files.set(path, { blocks, hour: this.#hour });
	}
}

/** Makes a folder hold what `state` says, where it held what `before` says. */
export function writeState(folder, state, before = new Map()) {
	for (const path of before.keys())
		if (!state.has(path)) rmSync(join(folder, path));
	for (const [path, file] of state) {
		if (before.get(path) === file) continue;
		const full = join(folder, path);
		mkdirSync(dirname(full), { recursive: true });
		writeFileSync(full, contentOf(file));
		utimesSync(full, firstHour + file.hour, firstHour + file.hour);
	}
}

/** Bytes of a file: text of hexadecimal digits, half of it random. */
export function contentOf({ blocks }) {
	return Buffer.concat(
		blocks.map((block) =>
			Buffer.from(
				Buffer.from(seeded(block).bytes(blockBytes / 2)).toString("hex"),
			),
		),
	);
}
