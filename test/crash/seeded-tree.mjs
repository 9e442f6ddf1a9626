// Trees of files that follow from a seed: small texts, files of several MiB, holes, links, odd names and modes.

import {
	chmodSync,
	linkSync,
	lutimesSync,
	mkdirSync,
	readdirSync,
	rmSync,
	statSync,
	symlinkSync,
	truncateSync,
	utimesSync,
	writeFileSync,
} from "node:fs";
import { join } from "node:path";
import { seeded } from "./random.mjs";

/** Seconds since 1970: long enough ago that no snapshot distrusts an mtime. */
const longAgo = 1_600_000_000;
const perFolder = 50;

/**
 * Makes a tree of about `files` files in `folder`; `large` of them have 1 to 5 MiB. Trees of the same seed and size are the same,
 * but for owners and the times of change.
 */
export function growTree(folder, { seed, files, large = 3 }) {
	const random = seeded(seed);
	const words = vocabulary(random);
	mkdirSync(folder, { recursive: true });
	const folders = [];
	for (let i = 0; i < files; i++) {
		if (i % perFolder === 0) folders.push(growFolder(folder, folders, random));
		growFile(join(folders.at(-1), `file-${i}`), random, textOf(words, random));
	}
	for (let i = 0; i < large; i++) growLarge(folder, i, random);
	growOddities(folder, random);
	for (const each of [...folders.reverse(), folder]) settle(each, random);
}

/** Changes, adds and removes a share of the files of a tree, by a seed. */
export function changeTree(folder, { seed, share }) {
	const random = seeded(seed);
	const words = vocabulary(random);
	for (const path of filesBelow(folder)) {
		if (random.fraction() >= share) continue;
		const kind = random.below(5);
		if (kind === 0) rmSync(path);
		else if (kind === 1) growFile(`${path}.new`, random, textOf(words, random));
		else if (kind === 2) truncateSync(path, statSync(path).size >> 1);
		else if (kind === 3) chmodSync(path, 0o640);
		else growFile(path, random, textOf(words, random));
	}
}

function growFolder(top, folders, random) {
	const above = folders.length < 3 ? top : random.pick([top, ...folders]);
	const path = join(above, `folder ${folders.length}`);
	mkdirSync(path);
	return path;
}

function growFile(path, random, content) {
	writeFileSync(path, content);
	chmodSync(path, random.pick([0o644, 0o644, 0o644, 0o600, 0o755, 0o444]));
	settle(path, random);
}

/** Some are texts that compress, some noise, some mostly holes. */
function growLarge(folder, index, random) {
	const path = join(folder, `large-${index}`);
	const size = 2 ** 20 + random.below(4 * 2 ** 20);
	writeFileSync(path, random.bytes(index % 3 === 2 ? 100_000 : size));
	if (index % 3 === 2) truncateSync(path, size);
	settle(path, random);
}

function growOddities(folder, random) {
	const odd = join(folder, "odd");
	mkdirSync(odd);
	growFile(join(odd, "empty"), random, "");
	growFile(join(odd, "first name"), random, "content with two names");
	linkSync(join(odd, "first name"), join(folder, "second name"));
	symlinkSync("first name", join(odd, "link"));
	symlinkSync("/no/such/place", join(odd, "dangling"));
	for (const link of ["link", "dangling"])
		lutimesSync(join(odd, link), longAgo, longAgo + 0.25);
	const name = Buffer.from([0x6e, 0xff, 0x0a, 0x6d]);
	growFile(Buffer.concat([Buffer.from(`${odd}/`), name]), random, "odd name");
	mkdirSync(join(odd, "nothing in it"), { mode: 0o700 });
	settle(join(odd, "nothing in it"), random);
	settle(odd, random);
}

function settle(path, random) {
	const time = longAgo + random.below(50_000_000) + random.fraction();
	utimesSync(path, time, time);
}

function vocabulary(random) {
	return Array.from({ length: 500 }, () =>
		Buffer.from(random.bytes(2 + random.below(6))).toString("hex"),
	);
}

/** Most are short, a few have tens of thousands of words. */
function textOf(words, random) {
	const most = random.below(20) === 0 ? 8000 : 300;
	const length = random.below(most);
	return Array.from({ length }, () => random.pick(words)).join(" ");
}

function filesBelow(folder) {
	return readdirSync(folder, { withFileTypes: true, recursive: true })
		.filter((entry) => entry.isFile() && entry.name.startsWith("file-"))
		.map((entry) => join(entry.parentPath, entry.name))
		.sort();
}
