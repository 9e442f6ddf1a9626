import { randomBytes } from "node:crypto";
import { join } from "node:path";
import type { Bytes } from "@varve/format";
import type { Spool, SpoolFile, StageDescriptor } from "./backend.ts";
import { fenced, isErrno, storageError } from "./fs-errors.ts";
import { type FsLayer, nodeFs } from "./fs-layer.ts";

/** Spools into a stage of a local backend, from any thread. Errors as those of Stage.put. */
export function openSpool(
	descriptor: StageDescriptor,
	fs: FsLayer = nodeFs,
): Spool {
	const prefix = randomBytes(8).toString("hex");
	let count = 0;
	return {
		create: () => new LocalSpoolFile(fs, descriptor, `${prefix}-${count++}`),
	};
}

class LocalSpoolFile implements SpoolFile {
	readonly name: string;
	readonly #fs: FsLayer;
	readonly #path: string;
	#fd: number | undefined;

	constructor(fs: FsLayer, stage: StageDescriptor, name: string) {
		this.name = name;
		this.#fs = fs;
		this.#path = join(stage.path, name);
		try {
			this.#fd = fs.openSync(this.#path, "wx", 0o600);
		} catch (error) {
			if (isErrno(error, "ENOENT")) throw fenced(stage.path, error);
			throw this.#failure(error);
		}
	}

	write(bytes: Bytes): void {
		if (this.#fd === undefined) throw new Error("the spool file is closed");
		try {
			for (let at = 0; at < bytes.length; )
				at += this.#fs.writeSync(this.#fd, bytes.subarray(at));
		} catch (error) {
			throw this.#failure(error);
		}
	}

	close(): void {
		const fd = this.#fd;
		if (fd === undefined) return;
		this.#fd = undefined;
		try {
			this.#fs.closeSync(fd);
		} catch (error) {
			throw this.#failure(error);
		}
	}

	discard(): void {
		try {
			this.close();
		} finally {
			this.#unlink();
		}
	}

	#unlink(): void {
		try {
			this.#fs.unlinkSync(this.#path);
		} catch (error) {
			if (!isErrno(error, "ENOENT")) throw this.#failure(error);
		}
	}

	#failure(error: unknown): unknown {
		return storageError(error, `write ${this.#path}`);
	}
}
