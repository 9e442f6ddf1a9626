// `huge-file`: one file, half of it pseudo-text and half incompressible, in stretches of 256 KiB.
// `media`: files that no compressor makes smaller, 1 to 8 MB each.
import {
	closeSync,
	futimesSync,
	openSync,
	utimesSync,
	writeSync,
} from "node:fs";
import { join } from "node:path";
import { fanOut } from "./fan-out.mjs";
import { fillRandom, mix, Random } from "./random.mjs";
import { fillText } from "./text.mjs";

const STRETCH = 256 * 1024;
const BLOCK = 16 * 1024 * 1024;
const EPOCH = 1_650_000_000;
const MEDIA_MEAN = 4_500_000;

/** Makes every `lanes`-th block of the file; runs in a worker thread. */
export function fill({ path, size, seed, lane, lanes }) {
	const file = openSync(path, "r+");
	const buffer = Buffer.allocUnsafe(BLOCK);
	const random = new Random(seed);
	for (let block = lane; block * BLOCK < size; block += lanes) {
		const length = Math.min(BLOCK, size - block * BLOCK);
		random.reseed(mix(seed, block));
		for (let start = 0; start < length; start += STRETCH) {
			const end = Math.min(length, start + STRETCH);
			const put = (start / STRETCH) % 2 === 0 ? fillText : fillRandom;
			put(buffer, { start, end, random });
		}
		writeSync(file, buffer, 0, length, block * BLOCK);
	}
	closeSync(file);
}

/** `size` is the length of the file in bytes. */
export async function makeHugeFile(root, { size, seed }) {
	const path = join(root, "huge.img");
	closeSync(openSync(path, "wx", 0o644));
	await fanOut(import.meta.url, { path, size, seed });
	utimesSync(path, EPOCH, EPOCH);
	utimesSync(root, EPOCH, EPOCH);
}

/** Lengths of the media files, in bytes, that add up to `size`. */
export function mediaLengths({ size, seed }) {
	const random = new Random(seed);
	const lengths = [];
	for (let left = size; left > 0; left -= lengths.at(-1))
		lengths.push(
			Math.min(
				left,
				1_000_000 + random.below(2 * (MEDIA_MEAN - 1_000_000) + 1),
			),
		);
	return lengths;
}

/** `size` is the number of bytes of all files together. */
export function makeMedia(root, { size, seed }) {
	const buffer = Buffer.allocUnsafe(2 * MEDIA_MEAN);
	const random = new Random(seed);
	mediaLengths({ size, seed }).forEach((length, number) => {
		random.reseed(mix(seed, number));
		fillRandom(buffer, { start: 0, end: length, random });
		const name = `IMG_${String(number).padStart(5, "0")}.jpg`;
		const file = openSync(join(root, name), "wx", 0o644);
		writeSync(file, buffer, 0, length);
		futimesSync(file, EPOCH + number, EPOCH + number);
		closeSync(file);
	});
	utimesSync(root, EPOCH, EPOCH);
}
