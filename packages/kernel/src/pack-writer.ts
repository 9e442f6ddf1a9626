import {
	type Bytes,
	encodeDirectory,
	encodeFrameHeader,
	encodePackHeader,
	encodeTrailer,
	FrameKind,
	frameHeaderBytes,
	type PackFrame,
	type PackId,
	type PackKind,
	scrubBlockBytes,
} from "@varve/format";
import type { Toolbox } from "./toolbox.ts";

/** A temporary file that grows by synchronous writes. */
export interface PackFile {
	readonly name: string;
	write(bytes: Bytes): void;
	close(): void;
	discard(): void;
}

/** SHA-256 of bytes that come one after the other. */
export interface RunningHash {
	update(bytes: Bytes): void;
	hex(): string;
}

export interface PackWriterOptions {
	readonly kind: PackKind;
	/** A pack is closed once it has this many bytes. */
	readonly packBytes: number;
	readonly create: () => PackFile;
	readonly startHash: () => RunningHash;
	readonly tools: Pick<Toolbox, "hash64" | "random">;
}

/** A pack that is written and closed, but not yet durable. */
export interface WrittenPack {
	readonly id: PackId;
	readonly kind: PackKind;
	readonly size: number;
	/** Name of the temporary file. */
	readonly spool: string;
	readonly frames: readonly PackFrame[];
}

/** Writes frames into packs, one open at a time. */
export class PackWriter {
	readonly #options: PackWriterOptions;
	#open: OpenPack | undefined;

	constructor(options: PackWriterOptions) {
		this.#options = options;
	}

	/** Adds a frame; returns the pack if it is full now and so closed. */
	add(
		frame: Bytes,
		chunks: {
			ids: Bytes;
			lengths: Uint32Array;
			bases: Bytes;
			rawLength: number;
		},
	): WrittenPack | undefined {
		this.#open ??= new OpenPack(this.#options);
		this.#open.add(frame, chunks);
		return this.#open.size >= this.#options.packBytes
			? this.finish()
			: undefined;
	}

	/** Closes the open pack, if there is one. */
	finish(): WrittenPack | undefined {
		const open = this.#open;
		this.#open = undefined;
		return open?.finish();
	}

	/** Throws away what is not finished. */
	discard(): void {
		this.#open?.discard();
		this.#open = undefined;
	}
}

/** Room there is at first: few bytes make a pack where little has changed. */
const firstBlock = 16 * 1024;

class OpenPack {
	readonly #options: PackWriterOptions;
	readonly #file: PackFile;
	readonly #hash: RunningHash;
	readonly #frames: PackFrame[] = [];
	readonly #blocks: bigint[] = [];
	/** Bytes not yet written: blocks for the checksums, and large writes for the disk. */
	#block = new Uint8Array(firstBlock);
	#filled = 0;
	size = 0;

	constructor(options: PackWriterOptions) {
		this.#options = options;
		this.#file = options.create();
		this.#hash = options.startHash();
		this.#append(encodePackHeader(options.kind, options.tools.random(32)));
	}

	add(
		frame: Bytes,
		chunks: {
			ids: Bytes;
			lengths: Uint32Array;
			bases: Bytes;
			rawLength: number;
		},
	): void {
		this.#frames.push({
			offset: this.size,
			storedLength: frame.length,
			...chunks,
		});
		this.#append(frame);
	}

	finish(): WrittenPack {
		const directoryOffset = this.size;
		const directory = encodeDirectory(this.#frames);
		const header = new Uint8Array(frameHeaderBytes);
		encodeFrameHeader(header, 0, {
			kind: FrameKind.directory,
			sealed: false,
			storedLength: directory.length,
		});
		this.#append(header);
		this.#append(directory);
		const coveredLength = this.size;
		this.#flush();
		const trailer = encodeTrailer(
			this.#blocks,
			{ directoryOffset, coveredLength },
			this.#options.tools.hash64,
		);
		this.#hash.update(trailer);
		this.#file.write(trailer);
		this.#file.close();
		return {
			id: this.#hash.hex() as PackId,
			kind: this.#options.kind,
			size: coveredLength + trailer.length,
			spool: this.#file.name,
			frames: this.#frames,
		};
	}

	discard(): void {
		this.#file.discard();
	}

	#append(bytes: Bytes): void {
		let at = 0;
		while (at < bytes.length) {
			const part = bytes.subarray(at, at + scrubBlockBytes - this.#filled);
			this.#makeRoom(this.#filled + part.length);
			this.#block.set(part, this.#filled);
			this.#filled += part.length;
			at += part.length;
			if (this.#filled === scrubBlockBytes) this.#flush();
		}
		this.size += bytes.length;
	}

	#makeRoom(length: number): void {
		const block = this.#block;
		if (length <= block.length) return;
		const room = Math.min(Math.max(length, 4 * block.length), scrubBlockBytes);
		this.#block = new Uint8Array(room);
		this.#block.set(block.subarray(0, this.#filled));
	}

	#flush(): void {
		if (this.#filled === 0) return;
		const block = this.#block.subarray(0, this.#filled);
		this.#blocks.push(this.#options.tools.hash64(block));
		this.#hash.update(block);
		this.#file.write(block);
		this.#filled = 0;
	}
}
