// What a directory holds, read by other means than the program's own, and how two such accounts differ.

import { createHash } from "node:crypto";
import {
	closeSync,
	lstatSync,
	openSync,
	readdirSync,
	readlinkSync,
	readSync,
} from "node:fs";

const buffer = Buffer.alloc(4 * 2 ** 20);

/**
 * Everything below `folder`, and itself as "": path (latin1, so that each byte is one character) to a line with type, mode, owner,
 * mtime in ns, and content as hash, link target or the first path of the same file.
 */
export function accountOf(folder) {
	const account = new Map();
	const firstNames = new Map();
	const waiting = [""];
	for (let path = waiting.pop(); path !== undefined; path = waiting.pop()) {
		const full = Buffer.from(
			`${Buffer.from(folder).toString("latin1")}${path}`,
			"latin1",
		);
		const stat = lstatSync(full, { bigint: true });
		account.set(path, lineOf(full, path, stat, firstNames));
		if (!stat.isDirectory()) continue;
		const names = readdirSync(full, { encoding: "buffer" });
		const texts = names.map((name) => name.toString("latin1")).sort();
		for (const name of texts.reverse()) waiting.push(`${path}/${name}`);
	}
	return account;
}

function lineOf(full, path, stat, firstNames) {
	const shared = [
		(stat.mode & 0o7777n).toString(8),
		`${stat.uid}:${stat.gid}`,
		stat.mtimeNs,
	].join(" ");
	if (stat.isDirectory()) return `directory ${shared}`;
	if (stat.isSymbolicLink())
		return `symlink ${shared} ${readlinkSync(full, { encoding: "latin1" })}`;
	if (!stat.isFile()) return `other ${shared} ${stat.mode} ${stat.rdev}`;
	if (stat.nlink > 1n) {
		const first = firstNames.get(stat.ino);
		if (first !== undefined) return `file ${shared} same as ${first}`;
		firstNames.set(stat.ino, path);
	}
	return `file ${shared} ${stat.size} ${hashOf(full)}`;
}

function hashOf(full) {
	const hash = createHash("sha256");
	const fd = openSync(full, "r");
	try {
		for (;;) {
			const read = readSync(fd, buffer, 0, buffer.length, null);
			if (read === 0) return hash.digest("hex");
			hash.update(buffer.subarray(0, read));
		}
	} finally {
		closeSync(fd);
	}
}

/** Sentences about what is not the same, some of them; none if everything is. */
export function differences(expected, actual, most = 5) {
	const found = [];
	for (const [path, line] of expected) {
		const other = actual.get(path);
		if (other === undefined) found.push(`${path} is missing`);
		else if (other !== line)
			found.push(`${path} is ${other} instead of ${line}`);
		if (found.length >= most) return found;
	}
	for (const path of actual.keys())
		if (!expected.has(path)) found.push(`${path} is one too many`);
	return found.slice(0, most);
}
