import {
	type Bytes,
	CorruptError,
	decodeDirectory,
	decodeFrameHeader,
	decodePackHeader,
	decodeTrailer,
	FrameKind,
	frameHeaderBytes,
	type Hash64,
	type PackFrame,
	type PackKind,
	packFooterBytes,
	packHeaderBytes,
	type Trailer,
	trailerLength,
} from "@varve/format";
import type { BlockingReads, ListedFile } from "@varve/store";

/** Reads the ends of packs: what stands around their frames. CorruptError and StorageError as they come. */
export class PackEnds {
	readonly #reads: BlockingReads;
	readonly #hash64: Hash64;
	readonly #from: "packs" | "copies/packs";

	constructor(
		reads: BlockingReads,
		hash64: Hash64,
		from: "packs" | "copies/packs" = "packs",
	) {
		this.#reads = reads;
		this.#hash64 = hash64;
		this.#from = from;
	}

	kind({ name }: ListedFile): PackKind {
		return decodePackHeader(this.#read(name, 0, packHeaderBytes)).kind;
	}

	trailer({ name, size }: ListedFile): Trailer {
		if (size < packHeaderBytes + packFooterBytes)
			throw new CorruptError(
				"BAD_TRAILER",
				"the pack is too short to hold a trailer",
			);
		const footer = this.#read(name, size - packFooterBytes, packFooterBytes);
		const length = trailerLength(footer);
		if (length > size)
			throw new CorruptError(
				"BAD_TRAILER",
				"the pack's trailer is longer than the pack",
			);
		const tail = this.#read(name, size - length, length);
		return decodeTrailer(tail, size, this.#hash64);
	}

	/** The frames as the directory names them. Together with it they fill all that the trailer covers. */
	directory({ name }: ListedFile, trailer: Trailer): PackFrame[] {
		const { directoryOffset, coveredLength } = trailer;
		const length = coveredLength - directoryOffset;
		const bytes = this.#read(name, directoryOffset, length);
		const header = decodeFrameHeader(bytes, 0);
		if (
			header.kind !== FrameKind.directory ||
			header.storedLength !== length - frameHeaderBytes
		)
			throw new CorruptError(
				"BAD_DIRECTORY",
				"the pack does not end with its directory",
			);
		const frames = decodeDirectory(bytes.subarray(frameHeaderBytes));
		const last = frames.at(-1);
		const end = last ? last.offset + last.storedLength : packHeaderBytes;
		if (end !== directoryOffset)
			throw new CorruptError(
				"BAD_DIRECTORY",
				`the directory's frames end at byte ${end}, not where it begins`,
			);
		return frames;
	}

	#read(name: string, at: number, length: number): Bytes {
		const bytes = new Uint8Array(length);
		this.#reads.readInto(this.#from, name, at, bytes);
		return bytes;
	}
}
