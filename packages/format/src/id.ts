import type { Bytes } from "./bytes.ts";
import { CorruptError } from "./errors.ts";
import { fromHex, toHex } from "./hex.ts";

/** A SHA-256 in lower-case hex, 64 characters. Kinds of ids do not mix. */
type Id<Kind extends string> = string & { readonly __id: Kind };

/** SHA-256 of a chunk's bytes. Trees, lists and tables are stored as chunks and have such ids too. */
export type ChunkId = Id<"chunk">;
/** The chunk id of an encoded tree. */
export type TreeId = ChunkId & { readonly __tree: true };
/** SHA-256 of the whole file. */
export type PackId = Id<"pack">;
export type SegmentId = Id<"segment">;
export type SnapshotId = Id<"snapshot">;
/** 16 random bytes in lower-case hex, 32 characters. */
export type LeaseId = Id<"lease">;

export const idBytes = 32;
export const leaseIdBytes = 16;

const isId = /^[0-9a-f]{64}$/;
const isLeaseId = /^[0-9a-f]{32}$/;

function parse(text: string, what: string): string {
	if (!isId.test(text))
		throw new CorruptError("BAD_ID", `not a ${what} id: ${text.slice(0, 80)}`);
	return text;
}

export const parseChunkId = (text: string) => parse(text, "chunk") as ChunkId;
export const parseTreeId = (text: string) => parse(text, "tree") as TreeId;
export const parsePackId = (text: string) => parse(text, "pack") as PackId;
export const parseSegmentId = (text: string) =>
	parse(text, "segment") as SegmentId;
export const parseSnapshotId = (text: string) =>
	parse(text, "snapshot") as SnapshotId;

export function parseLeaseId(text: string): LeaseId {
	if (!isLeaseId.test(text))
		throw new CorruptError("BAD_ID", `not a lease id: ${text.slice(0, 80)}`);
	return text as LeaseId;
}

/** The id whose 32 raw bytes stand at `at`. */
export function idAt<T extends string>(bytes: Bytes, at = 0): T {
	if (at + idBytes > bytes.length)
		throw new CorruptError("BAD_ID", "an id is cut off");
	return toHex(bytes, at, at + idBytes) as T;
}

/** The 32 (or, of a lease, 16) raw bytes of an id. */
export function idToBytes(id: string): Bytes {
	return fromHex(id);
}
