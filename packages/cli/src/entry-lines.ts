import { type Entry, pathFields } from "@varve/core";
import type { Message } from "./json-line.ts";
import { formatNanoseconds, formatTime, type OffsetAt } from "./times.ts";

const typeLetters: Readonly<Record<Entry["type"], string>> = {
	file: "-",
	dir: "d",
	symlink: "l",
	fifo: "p",
	socket: "s",
	chardev: "c",
	dev: "b",
};

/** "drwxr-sr-t", as ls writes it. */
export function permissionsOf({ type, mode }: Entry): string {
	const triple = (shift: number, special: number, letter: string) => {
		const bits = (mode >> shift) & 7;
		const executes = (bits & 1) !== 0;
		const last = executes ? "x" : "-";
		const marked = executes ? letter : letter.toUpperCase();
		return [
			(bits & 4) !== 0 ? "r" : "-",
			(bits & 2) !== 0 ? "w" : "-",
			(mode & special) !== 0 ? marked : last,
		].join("");
	};
	return (
		typeLetters[type] +
		triple(6, 0o4000, "s") +
		triple(3, 0o2000, "s") +
		triple(0, 0o1000, "t")
	);
}

/** An entry as programs read it: restic's names where it has one. */
export function entryFields(entry: Entry): Message {
	const { path, path_b64 } = pathFields(entry.path);
	const target =
		entry.target === undefined ? undefined : pathFields(entry.target);
	return {
		name: pathFields(entry.name).path,
		type: entry.type,
		path,
		path_b64,
		uid: entry.uid,
		gid: entry.gid,
		user: entry.user,
		group: entry.group,
		size: entry.size,
		mode: entry.mode,
		permissions: permissionsOf(entry),
		mtime: formatNanoseconds(entry.mtime, entry.mtimeNs),
		linktarget: target?.path,
		linktarget_b64: target?.path_b64,
		device: entry.device,
		torn: entry.torn ? true : undefined,
	};
}

/** One line for people: the path, or with all its attributes before it. */
export function entryLine(
	entry: Entry,
	long: { readonly offsetAt: OffsetAt } | undefined,
): string {
	if (long === undefined) return entry.path;
	const { uid, gid, user, group, size, mtime, path, target } = entry;
	const link = target === undefined ? "" : ` -> ${target}`;
	return [
		permissionsOf(entry),
		(user ?? String(uid)).padEnd(8),
		(group ?? String(gid)).padEnd(8),
		String(size).padStart(12),
		timeOf(mtime, long.offsetAt),
		`${path}${link}`,
	].join(" ");
}

/** Years that Date cannot hold are shown as seconds. */
function timeOf(seconds: number, offsetAt: OffsetAt): string {
	const isDate = Math.abs(seconds) < 8.64e12 - 86_400;
	return isDate ? formatTime(seconds * 1000, offsetAt) : `@${seconds}`;
}
