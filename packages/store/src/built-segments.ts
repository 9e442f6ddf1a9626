import { createHash } from "node:crypto";
import { readdir, rm } from "node:fs/promises";
import { join } from "node:path";
import { encodeSegment, type LeaseId, type SegmentPack } from "@varve/format";
import { writeCacheFile } from "./cache-file.ts";
import { isErrno } from "./fs-errors.ts";
import {
	openIfThere,
	openSegmentFile,
	type SegmentFile,
	segmentInMemory,
} from "./segment-file.ts";
import { prove } from "./segment-proof.ts";
import type { Warn } from "./warn.ts";

const noLease = "0".repeat(32) as LeaseId;

/** Segments that the client makes for itself: of adopted packs, of many small segments. Files of a cache. */
export class BuiltSegments {
	readonly #folder: string | undefined;
	readonly #warn: Warn;

	/** Without a folder they are held in memory. */
	constructor(folder: string | undefined, warn: Warn) {
		this.#folder = folder;
		this.#warn = warn;
	}

	/** Those found in the folder, proved. */
	async open(): Promise<SegmentFile[]> {
		const files: SegmentFile[] = [];
		for (const name of await this.#names()) {
			// Another process may just be writing it.
			if (name.endsWith(".new")) continue;
			const file = openIfThere(join(this.#folder as string, name), name);
			if (file === undefined) continue;
			if (await prove(file)) files.push(file);
			else {
				file.close();
				await this.#delete(name);
			}
		}
		return files;
	}

	async #names(): Promise<string[]> {
		if (this.#folder === undefined) return [];
		try {
			return await readdir(this.#folder);
		} catch (cause) {
			if (!isErrno(cause, "ENOENT")) this.#warnUnusable(cause);
			return [];
		}
	}

	/** Writes one; all others of the folder are deleted. */
	async replace(packs: readonly SegmentPack[]): Promise<SegmentFile> {
		const bytes = encodeSegment(noLease, packs);
		const name = createHash("sha256").update(bytes).digest("hex");
		const folder = this.#folder;
		if (folder === undefined) return segmentInMemory(name, shared(bytes));
		try {
			const path = join(folder, name);
			await writeCacheFile(path, bytes);
			const file = openSegmentFile(path, name);
			await this.keepOnly(name);
			return file;
		} catch (cause) {
			// Another process may have cleared the folder for its own.
			if (!isErrno(cause, "ENOENT")) this.#warnUnusable(cause);
			return segmentInMemory(name, shared(bytes));
		}
	}

	async keepOnly(name?: string): Promise<void> {
		for (const other of await this.#names())
			if (other !== name) await this.#delete(other);
	}

	async #delete(name: string): Promise<void> {
		await rm(join(this.#folder as string, name), { force: true }).catch(
			(cause) => this.#warnUnusable(cause),
		);
	}

	#warnUnusable(cause: unknown): void {
		this.#warn({
			code: "CACHE_UNUSABLE",
			message: `${this.#folder} cannot be used`,
			cause,
		});
	}
}

/** A copy that all threads of the process can see. */
function shared(bytes: Uint8Array): Uint8Array {
	const copy = new Uint8Array(new SharedArrayBuffer(bytes.length));
	copy.set(bytes);
	return copy;
}
