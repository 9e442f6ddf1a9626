import {
	chmodSync,
	closeSync,
	constants,
	fsyncSync,
	lstatSync,
	mkdirSync,
	openSync,
	readdirSync,
	renameSync,
	rmdirSync,
	unlinkSync,
	writeSync,
} from "node:fs";
import { type Bytes, decodeName, utf8 } from "@varve/format";
import type { EntryMoves } from "../../native/move-entry.ts";
import { codeOf, systemPath } from "../../system.ts";
import type { TargetTree } from "../target-tree.ts";
import { mountOf } from "./mounts.ts";

/** Called before each change, with what it is. A test throws here, and so kills the restore between two changes. */
export type Gate = (change: string) => void;

/** Everything by which a journaled restore changes the file system, beside writing what is new into its own directory. */
export class Changes {
	readonly #moves: EntryMoves | undefined;
	readonly #gate: Gate;

	constructor(moves: EntryMoves | undefined, gate: Gate = () => {}) {
		this.#moves = moves;
		this.#gate = gate;
	}

	makeDirectory(path: string): void {
		this.#gate("mkdir");
		mkdirSync(systemPath(path), 0o700);
	}

	/** A file that appears whole under its name, durably. */
	writeDurably(directory: string, name: string, texts: Iterable<string>): void {
		this.#gate("create");
		const path = systemPath(`${directory}/${name}.new`);
		const fd = openSync(path, "wx", 0o600);
		try {
			let position = 0;
			for (const bytes of batches(texts)) {
				this.writeAt(fd, bytes, position);
				position += bytes.length;
			}
			this.syncFile(fd);
		} finally {
			closeSync(fd);
		}
		this.rename(directory, `${name}.new`, name);
	}

	/** Within a directory, durably. What is at `to` is replaced. */
	rename(directory: string, from: string, to: string): void {
		this.#gate("rename");
		renameSync(
			systemPath(`${directory}/${from}`),
			systemPath(`${directory}/${to}`),
		);
		this.syncDirectory(directory);
	}

	/** EEXIST if there is something at `to`: nothing is ever overwritten. */
	move(from: string, to: string): void {
		this.#gate("move");
		if (this.#moves !== undefined) {
			try {
				this.#moves.move(from, to);
				return;
			} catch (error) {
				if (!isUnknown(error)) throw error;
			}
		}
		if (isThere(to))
			throw Object.assign(new Error("EEXIST: something is there already"), {
				code: "EEXIST",
			});
		renameSync(systemPath(from), systemPath(to));
	}

	/** False if the file system cannot do that. */
	exchange(a: string, b: string): boolean {
		if (this.#moves === undefined) return false;
		this.#gate("exchange");
		try {
			this.#moves.exchange(a, b);
			return true;
		} catch (error) {
			if (isUnknown(error)) return false;
			throw error;
		}
	}

	/** What `change` does is one call, or can be repeated. */
	alter(what: string, change: () => void): void {
		this.#gate(what);
		change();
	}

	writeAt(fd: number, bytes: Bytes, position: number): void {
		this.#gate("write");
		writeAll(fd, bytes, position);
	}

	syncFile(fd: number): void {
		this.#gate("fsync");
		fsyncSync(fd);
	}

	/** Some file systems cannot sync directories; there it is as durable as it gets. */
	syncDirectory(path: string): void {
		this.#gate("fsync");
		const fd = openSync(systemPath(path), constants.O_RDONLY);
		try {
			fsyncSync(fd);
		} catch (error) {
			const code = codeOf(error);
			if (code !== "EINVAL" && code !== "ENOTSUP" && code !== "EOPNOTSUPP")
				throw error;
		} finally {
			closeSync(fd);
		}
	}

	/** All of the file system a directory lies on; false if that cannot be asked for. */
	syncFileSystem(path: string): boolean {
		if (this.#moves === undefined) return false;
		this.#gate("syncfs");
		const fd = openSync(systemPath(path), constants.O_RDONLY);
		try {
			this.#moves.syncFileSystem(fd);
			return true;
		} finally {
			closeSync(fd);
		}
	}

	/** True if the file open as `to` now shares the blocks of the one open as `from`. */
	clone(from: number, to: number): boolean {
		if (this.#moves === undefined) return false;
		try {
			this.#moves.clone(from, to);
			return true;
		} catch (error) {
			if (codeOf(error) === undefined) throw error;
			return false;
		}
	}

	/**
	 * Removes a directory with all in it, but nothing that is mounted there: an error "EBUSY" then, and what comes after it stays, too.
	 * Through open directories: what lies there may be another user's, who has it open too and can put a link in the place of a directory.
	 */
	removeTree(tree: TargetTree, suffix: string): void {
		const { dev } = lstatSync(tree.path(suffix));
		this.#removeBelow(tree, suffix, {
			device: dev,
			// That of the directory itself would not tell that it is one.
			mount: mountOf(tree.above(suffix)),
		});
	}

	#removeBelow(tree: TargetTree, suffix: string, on: MountedFrom): void {
		const stat = lstatSync(tree.path(suffix));
		if (stat.dev !== on.device) throw mounted();
		if (!stat.isDirectory()) {
			this.#gate("unlink");
			unlinkSync(tree.path(suffix));
			return;
		}
		const directory = tree.directory(suffix);
		if (mountOf(directory) !== on.mount) throw mounted();
		const { self } = directory;
		// Of what was not to be written to, nothing could be removed.
		if ((stat.mode & 0o700) !== 0o700) chmodSync(self, 0o700);
		for (const name of readdirSync(self, { encoding: "buffer" }))
			this.#removeBelow(
				tree,
				`${suffix}/${decodeName(Uint8Array.from(name))}`,
				on,
			);
		this.#gate("rmdir");
		tree.forget(suffix);
		rmdirSync(tree.path(suffix));
	}
}

/** The file system, and the mount of it. */
interface MountedFrom {
	readonly device: number;
	readonly mount: string | undefined;
}

function mounted(): Error {
	return Object.assign(new Error("EBUSY: something is mounted in it"), {
		code: "EBUSY",
	});
}

const batchLength = 64 * 1024;

function* batches(texts: Iterable<string>): Generator<Bytes> {
	let batch = "";
	for (const text of texts) {
		batch += text;
		if (batch.length < batchLength) continue;
		yield utf8(batch);
		batch = "";
	}
	if (batch !== "") yield utf8(batch);
}

/** The system, or the file system, does not know this call. */
function isUnknown(error: unknown): boolean {
	const code = codeOf(error);
	return (
		code === "EINVAL" ||
		code === "ENOSYS" ||
		code === "ENOTSUP" ||
		code === "EOPNOTSUPP"
	);
}

function isThere(path: string): boolean {
	return lstatSync(systemPath(path), { throwIfNoEntry: false }) !== undefined;
}

function writeAll(fd: number, bytes: Bytes, position: number): void {
	for (let done = 0; done < bytes.length; )
		done += writeSync(fd, bytes, done, bytes.length - done, position + done);
}
