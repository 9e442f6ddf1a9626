// A stamp says what a step (install, build) was done for. A step whose stamp still fits is not done again, which costs a few
// milliseconds to find out. Stamps live below node_modules, so that removing that directory forgets them too.

import { createHash } from "node:crypto";
import {
	existsSync,
	mkdirSync,
	readdirSync,
	readFileSync,
	rmSync,
	statSync,
	writeFileSync,
} from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";

export const root = fileURLToPath(new URL("..", import.meta.url));
export const stampDirectory = join(root, "node_modules", ".stamps");

/** SHA-256 over names and bytes of files, paths relative to the root. An absent file counts as such. */
export function hashContent(files, extra = "") {
	const hash = createHash("sha256").update(extra);
	for (const file of files) {
		const path = join(root, file);
		hash.update(`\0${file}\0`);
		hash.update(existsSync(path) ? readFileSync(path) : "absent");
	}
	return hash.digest("hex");
}

/** SHA-256 over path, size and modification time of files and of everything below directories. */
export function hashTimes(paths, extra = "") {
	const hash = createHash("sha256").update(extra);
	for (const file of paths.flatMap(filesBelow)) {
		const { size, mtimeMs } = statSync(join(root, file));
		hash.update(`\0${file}\0${size}\0${mtimeMs}`);
	}
	return hash.digest("hex");
}

/** The names of the workspace's packages, as directories below packages/. */
export function packageNames() {
	return readdirSync(join(root, "packages"))
		.filter((name) => existsSync(join(root, "packages", name, "package.json")))
		.sort();
}

export function stampFits(name, value) {
	const file = join(stampDirectory, name);
	return existsSync(file) && readFileSync(file, "utf8") === value;
}

export function writeStamp(name, value) {
	mkdirSync(stampDirectory, { recursive: true });
	writeFileSync(join(stampDirectory, name), value);
}

export function dropStamp(name) {
	rmSync(join(stampDirectory, name), { force: true });
}

function filesBelow(path) {
	const stat = statSync(join(root, path), { throwIfNoEntry: false });
	if (stat === undefined) return [];
	if (!stat.isDirectory()) return [path];
	return readdirSync(join(root, path))
		.sort()
		.flatMap((name) => filesBelow(join(path, name)));
}
