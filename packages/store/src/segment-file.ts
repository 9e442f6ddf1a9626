import fs from "node:fs";
import { type Bytes, CorruptError } from "@varve/format";
import { isErrno, storageError } from "./fs-errors.ts";

/** The bytes of a segment, read where they lie. */
export interface SegmentFile {
	/** Of the file: the SHA-256 of its bytes. */
	readonly name: string;
	readonly size: number;
	/** Where other threads find it; undefined if it is in no file. */
	readonly path: string | undefined;
	/** All of it, if it lies in memory and not in a file. */
	readonly memory?: Uint8Array;
	/** Fills `target` from byte `at`. CorruptError if the file ends before. */
	readInto(at: number, target: Bytes): void;
	close(): void;
}

/** A local file, opened at once: it stays readable when another process removes it. */
export function openSegmentFile(path: string, name: string): SegmentFile {
	const fd = fs.openSync(path, "r");
	const { size } = fs.fstatSync(fd);
	let open = true;
	return {
		name,
		size,
		path,
		readInto(at, target) {
			// Its number may be that of another file by now.
			if (!open) throw new Error(`the segment ${name} is closed`);
			for (let done = 0; done < target.length; ) {
				const read = fs.readSync(
					fd,
					target,
					done,
					target.length - done,
					at + done,
				);
				if (read === 0)
					throw new CorruptError(
						"BAD_SEGMENT",
						`the segment ${name} has become shorter`,
						{ segment: name },
					);
				done += read;
			}
		},
		close() {
			if (open) fs.closeSync(fd);
			open = false;
		},
	};
}

/** The same, or undefined if there is no such file. */
export function openIfThere(
	path: string,
	name: string,
): SegmentFile | undefined {
	try {
		return openSegmentFile(path, name);
	} catch (error) {
		if (isErrno(error, "ENOENT")) return undefined;
		throw storageError(error, `read segments/${name}`);
	}
}

/** A segment in memory, for storage without files. */
export function segmentInMemory(name: string, bytes: Uint8Array): SegmentFile {
	return {
		name,
		size: bytes.length,
		path: undefined,
		memory: bytes,
		readInto(at, target) {
			target.set(bytes.subarray(at, at + target.length));
		},
		close: () => undefined,
	};
}
