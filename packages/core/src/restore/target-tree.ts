import {
	closeSync,
	constants,
	fstatSync,
	lstatSync,
	openSync,
	statSync,
} from "node:fs";
import type { OpenAt } from "../native/open-at.ts";
import { codeOf, systemPath } from "../system.ts";

/**
 * The target of a restore, reached through open directories.
 *
 * Contract: an entry is named by its suffix, the path text below the target ("" for the target itself, "/a/b" for what is in it).
 * Each directory is opened by its name in its parent's open directory, never through a symlink, and what is done to an entry is done
 * by directory and name. So whatever appears, moves or is swapped in the target meanwhile, nothing is reached that does not lie in
 * a directory of the target. What is not a directory any more makes the call fail with ENOTDIR, and one that is gone with ENOENT.
 *
 * A path that comes from here is safe up to its last name. A call given that path must not follow it if it is a symlink: lstat,
 * lchown, lutimes, link, symlink, rename, unlink, rmdir, mkdir, and open with O_NOFOLLOW are right; stat, chmod, chown, utimes and
 * open without O_NOFOLLOW are not. No path is longer than a name and some digits, however deep the directory lies.
 */
export class TargetTree {
	/** May be exchanged for one that knows more of the same directory. */
	root: TargetRoot;
	readonly #openAt: OpenAt | undefined;
	#capacity: number;
	/** By suffix; the longest unused one first. */
	readonly #opened = new Map<string, TargetDirectory>();
	readonly #top: TargetDirectory;
	#last: TargetDirectory;

	/** The tree does not own `root`: it is closed with `closeTarget`, after all trees of all threads. */
	constructor(root: TargetRoot, { capacity = 32, openAt }: TreeOptions = {}) {
		this.root = root;
		this.#openAt = openAt;
		this.#capacity = capacity;
		this.#top = new TargetDirectory("", root.descriptor, pathOf(root));
		this.#last = this.#top;
	}

	/** The open directory of a suffix. It may be closed by the next call of this tree, unless it is held. */
	directory(suffix: string): TargetDirectory {
		if (suffix === this.#last.suffix) return this.#last;
		const found = this.#cached(suffix) ?? this.#openBelow(suffix);
		this.#last = found;
		return found;
	}

	/** Keeps the directory open until `release` is called as often. */
	hold(suffix: string): TargetDirectory {
		const directory = this.directory(suffix);
		directory.holders++;
		return directory;
	}

	release(directory: TargetDirectory): void {
		directory.holders--;
	}

	/** The open directory an entry lies in, which is not the target itself. */
	above(suffix: string): TargetDirectory {
		return this.#above(suffix, suffix.lastIndexOf("/"));
	}

	/** `end` is where the name of the directory ends. */
	#above(suffix: string, end: number): TargetDirectory {
		const { suffix: last } = this.#last;
		// Most entries lie in the directory of the one before.
		return end === last.length && suffix.startsWith(last)
			? this.#last
			: this.directory(suffix.slice(0, end));
	}

	/** `path` as a path text. */
	pathText(suffix: string): string {
		return suffix === ""
			? `${this.#top.self}/.`
			: `${this.above(suffix).self}/${nameOf(suffix)}`;
	}

	/** A path of an entry, for calls that do not follow a link at its end. To be used before the next call of this tree. */
	path(suffix: string): string | Buffer {
		return systemPath(this.pathText(suffix));
	}

	/** Opens an entry, never through a symlink, to be closed with `shut` in the same thread. */
	open(suffix: string, flags: number, mode = 0): number {
		const end = suffix.lastIndexOf("/");
		const directory = this.#above(suffix, end);
		return this.#open(directory, suffix.slice(end + 1), flags, mode);
	}

	/** Closes what `open` has opened. */
	shut(descriptor: number): void {
		if (this.#openAt === undefined || this.root.descriptor === -1)
			closeSync(descriptor);
		else this.#openAt.close(descriptor);
	}

	/** Where a process may open few files, directories that are not in use make room, for this one and for all that others open. */
	#open(
		directory: TargetDirectory,
		name: string,
		flags: number,
		mode: number,
	): number {
		try {
			return this.#openOnce(directory, name, flags, mode);
		} catch (error) {
			if (codeOf(error) !== "EMFILE" || !this.#makeRoom(directory)) throw error;
			return this.#openOnce(directory, name, flags, mode);
		}
	}

	#openOnce(
		directory: TargetDirectory,
		name: string,
		flags: number,
		mode: number,
	): number {
		return this.#openAt === undefined || directory.descriptor === -1
			? openSync(directory.path(name), flags | noFollow, mode)
			: this.#openAt.open(directory.descriptor, name, flags | noFollow, mode);
	}

	/** False if there was nothing to close. Keeps fewer directories from now on. */
	#makeRoom(inUse: TargetDirectory): boolean {
		const before = this.#opened.size;
		this.#capacity = Math.max(1, before >> 1);
		for (const directory of this.#opened.values())
			if (directory !== inUse && directory.holders === 0) this.#drop(directory);
		return this.#opened.size < before;
	}

	/** Forgets the open directories at and below a suffix: what stands there has been moved or removed. None may be held. */
	forget(suffix: string): void {
		for (const [key, directory] of this.#opened)
			if (key === suffix || key.startsWith(`${suffix}/`)) this.#drop(directory);
	}

	/** Closes all directories but the target itself. */
	close(): void {
		for (const directory of this.#opened.values()) this.#drop(directory);
	}

	#cached(suffix: string): TargetDirectory | undefined {
		if (suffix === "") return this.#top;
		const directory = this.#opened.get(suffix);
		if (directory === undefined) return undefined;
		this.#opened.delete(suffix);
		this.#opened.set(suffix, directory);
		return directory;
	}

	/** From the nearest directory above that is open, name by name. */
	#openBelow(suffix: string): TargetDirectory {
		let end = suffix.lastIndexOf("/");
		let directory = this.#cached(suffix.slice(0, end));
		while (directory === undefined) {
			end = suffix.lastIndexOf("/", end - 1);
			directory = this.#cached(suffix.slice(0, end));
		}
		while (end < suffix.length) {
			const start = end + 1;
			const next = suffix.indexOf("/", start);
			end = next === -1 ? suffix.length : next;
			directory = this.#enter(
				directory,
				suffix.slice(start, end),
				suffix.slice(0, end),
			);
		}
		return directory;
	}

	#enter(
		parent: TargetDirectory,
		name: string,
		suffix: string,
	): TargetDirectory {
		const directory = this.#openDirectory(parent, name, suffix);
		this.#opened.set(suffix, directory);
		if (this.#opened.size > this.#capacity) this.#evict(directory);
		return directory;
	}

	#openDirectory(
		parent: TargetDirectory,
		name: string,
		suffix: string,
	): TargetDirectory {
		if (parent.descriptor === -1) {
			requireDirectory(parent.path(name));
			return new TargetDirectory(suffix, -1, `${parent.self}/${name}`);
		}
		const fd = this.#open(parent, name, directoryFlags, 0);
		if (parent === this.#top) this.#requireOwn(fd);
		return new TargetDirectory(suffix, fd, selfOf(fd));
	}

	#requireOwn(fd: number): void {
		const { owner } = this.root;
		if (owner === undefined || fstatSync(fd).uid === owner) return;
		this.shut(fd);
		throw withCode("ESTALE", "the directory is not the one made here");
	}

	/** Closes the one that was not used for longest, if any is free: one that was just opened never is. */
	#evict(newest: TargetDirectory): void {
		for (const directory of this.#opened.values()) {
			if (directory === newest) return;
			if (directory.holders > 0) continue;
			this.#drop(directory);
			return;
		}
	}

	#drop(directory: TargetDirectory): void {
		if (directory.holders > 0)
			throw new Error(`the directory ${directory.suffix} is held`);
		this.#opened.delete(directory.suffix);
		if (this.#last === directory) this.#last = this.#top;
		if (directory.descriptor !== -1) this.shut(directory.descriptor);
	}
}

export interface TreeOptions {
	/** Directories kept open. Those above one that is opened need not stay open. */
	readonly capacity?: number | undefined;
	/** Saves the way through /proc; undefined where the platform's own calls cannot be had. */
	readonly openAt?: OpenAt | undefined;
}

/** The directory restored into, open as long as anything is done in it. Plain: all threads of a process share the descriptor. */
export interface TargetRoot {
	/** Absolute, as a path text. */
	readonly path: string;
	/** -1 where open directories cannot be used, because there is no /proc: entries are then reached by plain paths. */
	readonly descriptor: number;
	/**
	 * The user whom all that is made here belongs to at first. A directory right below the target that is another's was swapped by
	 * them: deeper ones are in directories that are closed to all others. undefined where that is not so, or cannot be told.
	 */
	readonly owner?: number | undefined;
	/** Directories that are there may hand on an ACL to what is made in them. Those of a restore do not: it takes theirs away. */
	readonly mayHandOnAcls?: boolean | undefined;
}

/** One open directory of the target. */
export class TargetDirectory {
	readonly suffix: string;
	/** Opened with O_PATH: it serves for names in it (the *at calls), and by `self` for itself. -1 where there is no /proc. */
	readonly descriptor: number;
	/** A path text that leads to this very directory, wherever it is by now: calls that follow links are right for it. */
	readonly self: string;
	/** @internal Of the tree that opened it. */
	holders = 0;
	/** @internal Known once something was made in it. */
	handsOnAcl: boolean | undefined;

	constructor(suffix: string, descriptor: number, self: string) {
		this.suffix = suffix;
		this.descriptor = descriptor;
		this.self = self;
	}

	/** A path of an entry in it, for calls that do not follow a link at its end. */
	path(name: string): string | Buffer {
		return systemPath(`${this.self}/${name}`);
	}
}

const descriptors = "/proc/self/fd/";
/** O_PATH of Linux. Needs no permission for the entry itself, waits for nothing, and opens a symlink as such. */
export const pathOnly = 0x20_0000;
const noFollow = constants.O_NOFOLLOW ?? 0;
const directoryFlags = pathOnly | (constants.O_DIRECTORY ?? 0) | noFollow;

/** Opens a directory that is there, through links too unless told otherwise: where the user's path leads is where is restored to. */
export function openTarget(
	path: string,
	{ followsLink }: { readonly followsLink: boolean } = { followsLink: true },
): TargetRoot {
	if (process.platform !== "linux") return { path, descriptor: -1 };
	const flags = pathOnly | constants.O_DIRECTORY;
	const descriptor = openSync(
		systemPath(path),
		followsLink ? flags : flags | noFollow,
	);
	if (leadsTo(descriptor)) return { path, descriptor };
	closeSync(descriptor);
	return { path, descriptor: -1 };
}

/** A path text that leads to the directory itself, wherever it is by now. */
export function pathOf({ descriptor, path }: TargetRoot): string {
	return descriptor === -1 ? path : selfOf(descriptor);
}

export function closeTarget({ descriptor }: TargetRoot): void {
	if (descriptor !== -1) closeSync(descriptor);
}

/** /proc may be absent, or be something else. */
function leadsTo(descriptor: number): boolean {
	const own = fstatSync(descriptor, { bigint: true });
	try {
		const seen = statSync(`${descriptors}${descriptor}/.`, { bigint: true });
		return seen.ino === own.ino && seen.dev === own.dev;
	} catch {
		// Whatever /proc lacks, plain paths work without it.
		return false;
	}
}

/** Without descriptors this is all that can be done, and leaves a moment in which the directory may be swapped. */
function requireDirectory(path: string | Buffer): void {
	if (lstatSync(path).isDirectory()) return;
	throw withCode("ENOTDIR", "not a directory, open");
}

function withCode(code: string, message: string): Error {
	return Object.assign(new Error(`${code}: ${message}`), { code });
}

/** A path that leads to what a descriptor stands for, also if that is a symlink. */
export function selfOf(descriptor: number): string {
	return `${descriptors}${descriptor}`;
}

export function nameOf(suffix: string): string {
	return suffix.slice(suffix.lastIndexOf("/") + 1);
}

/** What an error of a call says, without the path through /proc, which would tell nobody anything. */
export function sayingOf({ message }: Error): string {
	const start = message.indexOf(` '${descriptors}`);
	return start === -1 ? message : message.slice(0, start);
}
