import type {
	Bytes,
	ChunkId,
	Config,
	Content,
	Node,
	SnapshotId,
	SnapshotRecord,
	TreeId,
} from "@varve/format";
import type { Kernel, Toolbox } from "@varve/kernel";
import type {
	ClientCache,
	Listing,
	OpenSegments,
	RemoveBackend,
	RepositoryIndex,
	Stage,
} from "@varve/store";
import type { Observer } from "./events.ts";
import type { RepositoryListing } from "./listing.ts";
import type { Clock, Identity, Timer } from "./ports.ts";

/** An open repository: what every verb works on. Made by compose.ts, closed by its owner. */
export interface Repository extends AsyncDisposable {
	readonly config: Config;
	readonly backend: RemoveBackend;
	readonly index: RepositoryIndex;
	readonly cache: ClientCache;
	/** Hashing and frame decoding for this thread. */
	readonly tools: Toolbox;
	/** Makes what stores things in this thread. */
	readonly kernel: Kernel;
	readonly clock: Clock;
	readonly timer: Timer;
	readonly identity: Identity;
	readonly observer: Observer;
	/** Number of worker threads a verb may use; 0 works in this thread. */
	readonly workers: number;
	/** Starts `size` worker threads for this repository (0: the same code in this thread). The caller closes them. */
	readonly startCrew: (options: CrewOptions) => Promise<Crew>;
	/** Reads chunks of any kind, proved by their ids. */
	readonly objects: ObjectReader;
	/** All that segments and packs themselves tell of what lies where, without an index. The caller closes it. */
	readonly openSegments: (
		listing: Pick<Listing, "segments" | "packs">,
		signal?: AbortSignal,
	) => Promise<OpenSegments>;
	close(): Promise<void>;
}

/** A snapshot as users see it: its record with later labels merged in. */
export interface Snapshot {
	readonly id: SnapshotId;
	readonly record: SnapshotRecord;
	readonly tags: readonly string[];
	readonly pin: boolean;
	readonly note: string;
	/** RFC 3339, or undefined. */
	readonly expires: string | undefined;
	readonly forgotten: boolean;
	/** When it was stored, RFC 3339, if that is known and more than a day after its time. See tellStoredLate. */
	readonly storedLate?: string | undefined;
}

/**
 * Reads objects by id through a bounded cache of decoded frames. `prepare` must have been called since the last change of the
 * listing. A missing or damaged object is a CorruptError that names it ("MISSING_CHUNK", "BAD_CHUNK").
 */
export interface ObjectReader {
	/** Lists the repository and brings the index up to date, once; later calls return the same listing. */
	prepare(): Promise<RepositoryListing>;
	/** The repository has changed, or may have: the next `prepare` lists it anew. */
	outdate(): void;
	/** The bytes of a chunk; valid until the next call. */
	read(id: ChunkId): Bytes;
	/** The same, by the 32 bytes at `at`. */
	readAt(ids: Bytes, at: number): Bytes;
	/** All nodes of a directory, in order of names; a paged one page by page. */
	nodes(tree: TreeId): Iterable<Node>;
	/** The one node with this name, or undefined. */
	lookup(tree: TreeId, name: Bytes): Node | undefined;
	/** The pieces of a list of pieces (scan state, links table); each valid until the next. */
	pieces(list: ChunkId): Iterable<Bytes>;
	/** Items of a content with lists resolved: chunks (with id position) and zeros, in order. */
	items(content: Content): Iterable<FlatItem>;
	/** Content bytes in order, zeros in slices of at most 1 MiB; each slice valid until the next. */
	bytes(content: Content): Iterable<Bytes>;
}

export interface FlatItem {
	/** undefined for zeros. */
	readonly id: Bytes | undefined;
	readonly length: number;
}

export interface CrewOptions {
	readonly workers: number;
	readonly signal?: AbortSignal | undefined;
	/** What the workers are to do: sets up only what that needs. */
	readonly job:
		| "scout"
		| "snapshot"
		| "restore"
		| "verify"
		| "repack"
		| "gather";
	/** Plain object handed to the job when it starts in each worker. */
	readonly setup: unknown;
	/** Where a job that writes spools, if it runs in this thread. */
	readonly stage?: Stage | undefined;
}

/** Worker threads, or this thread in their place: the same tasks, the same replies. */
export interface Crew {
	readonly size: number;
	/** Resolves as soon as there is room for more tasks. */
	submit(task: object, transfer?: readonly ArrayBuffer[]): Promise<void>;
	/** Gives one task, made anew, to each of the threads, behind all that was submitted before. */
	submitToEach(task: () => object): Promise<void>;
	/** Called for each reply, in the order of arrival. Set before the first submit. */
	onReply: (reply: unknown) => void;
	/** Resolves when all submitted tasks are replied to; rejects with the first failure. */
	idle(): Promise<void>;
	close(): Promise<void>;
}
