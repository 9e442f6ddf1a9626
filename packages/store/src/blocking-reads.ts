import { type Bytes, CorruptError, NotFoundError } from "@varve/format";
import type { BackendDescriptor, BlockingReads, FileKind } from "./backend.ts";
import { isErrno, isSystemError, storageError } from "./fs-errors.ts";
import { type FsLayer, nodeFs } from "./fs-layer.ts";
import { pathOf } from "./local-layout.ts";

const openFilesKept = 32;

/** Reads the files of a local backend synchronously, in any thread. */
export function openBlockingReads(
	descriptor: BackendDescriptor,
	fs: FsLayer = nodeFs,
): BlockingReads {
	return new LocalBlockingReads(fs, descriptor.path);
}

class LocalBlockingReads implements BlockingReads {
	readonly #fs: FsLayer;
	readonly #root: string;
	/** Descriptors by path, the one used last at the end. */
	readonly #open = new Map<string, number>();

	constructor(fs: FsLayer, root: string) {
		this.#fs = fs;
		this.#root = root;
	}

	readInto(kind: FileKind, name: string, at: number, target: Bytes): void {
		const path = pathOf(this.#root, kind, name);
		try {
			const fd = this.#descriptorOf(path);
			for (let done = 0; done < target.length; ) {
				const view = done === 0 ? target : target.subarray(done);
				const read = this.#fs.readSync(fd, view, at + done);
				if (read === 0) throw tooShort(kind, name, at + target.length);
				done += read;
			}
		} catch (error) {
			if (isErrno(error, "ENOENT")) throw notFound(kind, name, error);
			throw storageError(error, `read ${kind}/${name}`);
		}
	}

	#descriptorOf(path: string): number {
		let fd = this.#open.get(path);
		if (fd === undefined) {
			this.#makeRoom();
			fd = this.#fs.openSync(path, "r");
		} else this.#open.delete(path);
		this.#open.set(path, fd);
		return fd;
	}

	#makeRoom(): void {
		if (this.#open.size < openFilesKept) return;
		for (const [path, fd] of this.#open) {
			this.#open.delete(path);
			this.#fs.closeSync(fd);
			return;
		}
	}

	size(kind: FileKind, name: string): number | undefined {
		try {
			return this.#fs.statSync(pathOf(this.#root, kind, name)).size;
		} catch (error) {
			if (isErrno(error, "ENOENT")) return undefined;
			throw storageError(error, `look at ${kind}/${name}`);
		}
	}

	close(): void {
		const open = [...this.#open.values()];
		this.#open.clear();
		for (const fd of open)
			try {
				this.#fs.closeSync(fd);
			} catch (error) {
				// All that was read of it has been proved, or will not be used.
				if (!isSystemError(error)) throw error;
			}
	}
}

export function notFound(
	kind: FileKind,
	name: string,
	cause?: unknown,
): NotFoundError {
	return new NotFoundError(
		"NO_FILE",
		`the repository has no ${kind}/${name}`,
		{ kind, name },
		{ cause },
	);
}

export function tooShort(
	kind: FileKind,
	name: string,
	end: number,
): CorruptError {
	return new CorruptError(
		"TOO_SHORT",
		`${kind}/${name} ends before byte ${end}`,
		{ kind, name },
	);
}
