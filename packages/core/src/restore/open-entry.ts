import {
	chmodSync,
	chownSync,
	fchmodSync,
	fchownSync,
	lchownSync,
} from "node:fs";
import type { Bytes } from "@varve/format";
import type { XattrPlace, XattrWriter } from "../native/xattr-writer.ts";
import { systemPath } from "../system.ts";
import type { TargetCalls } from "./target-calls.ts";

/** One entry of the target whose attributes are changed. Failures are errors with an errno code. */
export interface OpenEntry {
	chown(uid: number, gid: number): void;
	chmod(mode: number): void;
	setTime(seconds: number, nanoseconds: number): void;
	/** undefined where extended attributes cannot be set. */
	readonly xattrs: EntryXattrs | undefined;
}

export interface EntryXattrs {
	set(name: Bytes, value: Bytes): void;
	/** Nothing happens where there is none of this name. */
	remove(name: Bytes): void;
}

type Calls = Pick<TargetCalls, "setFileTime" | "setPathTime" | "xattrs">;

/** A file that is open for writing. */
export function openFileEntry(fd: number, calls: Calls): OpenEntry {
	return new OpenFile(fd, calls);
}

/** A class, since there is one for each file of a restore. */
class OpenFile implements OpenEntry {
	readonly #fd: number;
	readonly #calls: Calls;

	constructor(fd: number, calls: Calls) {
		this.#fd = fd;
		this.#calls = calls;
	}

	chown(uid: number, gid: number): void {
		fchownSync(this.#fd, uid, gid);
	}

	chmod(mode: number): void {
		fchmodSync(this.#fd, mode);
	}

	setTime(seconds: number, nanoseconds: number): void {
		this.#calls.setFileTime(this.#fd, seconds, nanoseconds);
	}

	get xattrs(): EntryXattrs | undefined {
		return xattrsAt({ descriptor: this.#fd }, this.#calls.xattrs);
	}
}

/** What an open descriptor stands for, by its path in /proc: that leads to the entry itself, also if it is a symlink. */
export function selfEntry(path: string, calls: Calls): OpenEntry {
	const followsLink = true;
	return {
		chown: (uid, gid) => chownSync(path, uid, gid),
		chmod: (mode) => chmodSync(path, mode),
		setTime: (seconds, ns) => calls.setPathTime(path, seconds, ns, followsLink),
		xattrs: xattrsAt({ path, followsLink }, calls.xattrs),
	};
}

/** An entry by its path text, where descriptors cannot be used. */
export function pathEntry(path: string, calls: Calls): OpenEntry {
	return {
		chown: (uid, gid) => lchownSync(systemPath(path), uid, gid),
		chmod: (mode) => chmodSync(systemPath(path), mode),
		setTime: (seconds, ns) => calls.setPathTime(path, seconds, ns),
		xattrs: xattrsAt({ path, followsLink: false }, calls.xattrs),
	};
}

function xattrsAt(
	place: XattrPlace,
	writer: XattrWriter | undefined,
): EntryXattrs | undefined {
	return (
		writer && {
			set: (name, value) => writer.set(place, name, value),
			remove: (name) => writer.remove(place, name),
		}
	);
}
