import type { ChunkId, PackId, SnapshotId } from "@varve/format";
import type { FileKind } from "@varve/store";

/** What can be wrong with a repository. */
export type FindingCode =
	/** A file that cannot be read at all: the storage says why. */
	| "UNREADABLE_FILE"
	/** A file whose name no program gives. */
	| "STRANGE_FILE"
	| "BAD_CONFIG"
	| "BAD_SNAPSHOT"
	/** A record that is lost: only its copy is there. */
	| "MISSING_SNAPSHOT"
	| "BAD_LABEL"
	| "BAD_FORGOTTEN"
	| "BAD_POLICY"
	| "BAD_LEASE"
	| "BAD_GC_LIST"
	/** A segment that does not match its id, or does not decode. */
	| "BAD_SEGMENT"
	/** A segment names a pack that is not there. */
	| "MISSING_PACK"
	/** A pack is not as long as a segment says. */
	| "BAD_PACK_SIZE"
	| "BAD_PACK_HEADER"
	| "BAD_TRAILER"
	| "BAD_DIRECTORY"
	/** A segment and the directory of a pack do not say the same. */
	| "SEGMENT_DIFFERS"
	/** A block of a pack does not match its checksum. */
	| "BAD_BLOCK"
	/** A frame that does not decode, or is not what the directory says. */
	| "BAD_FRAME"
	/** Bytes that do not match the id of their chunk. */
	| "BAD_CHUNK"
	/** Content that a restore, simulated, did not get. */
	| "NOT_RESTORABLE"
	/** A tree, list or table that does not decode. */
	| "BAD_TREE"
	/** A second copy that is not what its original is. */
	| "BAD_COPY"
	/** A chunk that something refers to is in no pack. */
	| "MISSING_CHUNK";

/** A path of some snapshots that cannot be restored, or not whole. */
export interface Hurt {
	/** Absolute, as a path text. */
	readonly path: string;
	/** "directory": some or all of what is in it. "links", "scan": the table of hard links, the scan state; no content. */
	readonly what: "file" | "directory" | "links" | "scan";
	readonly snapshots: readonly SnapshotId[];
}

export interface Finding {
	readonly code: FindingCode;
	/** One sentence. */
	readonly message: string;
	/** The file of the repository it is about. */
	readonly file: { readonly kind: FileKind; readonly name: string } | undefined;
	readonly pack: PackId | undefined;
	/** One chunk it is about, if it is about one alone. */
	readonly chunk: ChunkId | undefined;
	/** What cannot be restored because of it. Empty: nothing that a snapshot needs, or another copy is there. */
	readonly hurt: readonly Hurt[];
	/** The file has a second copy, and that is what was stored: varve repair puts it back. */
	readonly hasCopy?: boolean;
	/** How many more paths are hurt than are named. */
	readonly moreHurt: number;
	/** Snapshots hurt, in all. */
	readonly snapshots: readonly SnapshotId[];
}

/** A finding before it is known what it hurts. */
export interface Fault {
	readonly code: FindingCode;
	readonly message: string;
	readonly file?: { readonly kind: FileKind; readonly name: string };
	readonly pack?: PackId;
	/** Chunks that cannot be read because of it, as hex. */
	readonly chunks: readonly string[];
	/** A frame that is whole but misses a base: gc leaves such among live ones, and it counts only if something needs its chunks. */
	readonly baseless?: boolean;
	/** Snapshots hurt whatever their trees hold. */
	readonly snapshots?: readonly SnapshotId[];
}
