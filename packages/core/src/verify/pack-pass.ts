import {
	CorruptError,
	idBytes,
	isVarveError,
	NotFoundError,
	type PackFrame,
	type PackId,
	type PackKind,
	type Trailer,
	toHex,
	type VarveError,
} from "@varve/format";
import type { ListedFile, Listing } from "@varve/store";
import { isDamage } from "../damage.ts";
import type { Repository } from "../repository.ts";
import type { CopyCheck } from "./copy-check.ts";
import type { Faults } from "./faults.ts";
import type { FindingCode } from "./finding.ts";
import { PackEnds } from "./pack-ends.ts";
import type { PackQueue } from "./pack-queue.ts";
import {
	differingFrames,
	type PackInSegment,
	packsOfSegment,
} from "./segment-frames.ts";

export interface PackPassOptions {
	readonly repository: Repository;
	readonly listing: Listing;
	readonly faults: Faults;
	readonly signal: AbortSignal | undefined;
	/** Takes packs to be read; undefined if none is. */
	readonly queue: PackQueue | undefined;
	/** Packs to be read, by name. */
	readonly chosen: ReadonlySet<string>;
	/** Looks at the copy of each pack; undefined if none is looked at. */
	readonly copies: CopyCheck | undefined;
	/** Directories are read and compared, not just trailers. */
	readonly directories: boolean;
}

/** Goes through all segments and packs once: what they say of each other, and, with a queue, the reading of packs. */
export class PackPass {
	readonly #options: PackPassOptions;
	readonly #ends: PackEnds;
	readonly #listed: ReadonlyMap<string, ListedFile>;
	readonly #done = new Set<string>();
	/** Packs that no segment names. */
	adopted = 0;
	condemned = 0;

	constructor(options: PackPassOptions) {
		const { repository, listing } = options;
		this.#options = options;
		this.#ends = new PackEnds(repository.backend.blocking, (bytes) =>
			repository.tools.hash64(bytes),
		);
		this.#listed = new Map(listing.packs.map((file) => [file.name, file]));
	}

	async run(): Promise<void> {
		const { listing } = this.#options;
		for (const { name } of listing.segments) {
			const bytes = await this.#readSegment(name);
			if (bytes !== undefined) await this.#checkSegment(name, bytes);
		}
		for (const file of listing.packs) {
			if (this.#done.has(file.name)) continue;
			if (listing.condemned.has(file.name)) this.condemned++;
			else this.adopted++;
			await this.#checkPack(file, undefined);
		}
	}

	/** undefined if it is damaged, which is told, or gone. */
	async #readSegment(name: string): Promise<Uint8Array | undefined> {
		const { backend, tools } = this.#options.repository;
		if (!/^[0-9a-f]{64}$/.test(name)) {
			this.#segmentFault(name, "STRANGE_FILE", "no segment has such a name");
			return undefined;
		}
		try {
			const bytes = await backend.read("segments", name);
			if (tools.sha256Hex(bytes) === name) return bytes;
			this.#segmentFault(name, "BAD_SEGMENT", "it does not match its id");
		} catch (error) {
			if (error instanceof NotFoundError) return undefined;
			if (!isDamage(error)) throw error;
			this.#segmentFault(name, "UNREADABLE_FILE", error.message);
		}
		return undefined;
	}

	async #checkSegment(name: string, bytes: Uint8Array): Promise<void> {
		try {
			for (const pack of packsOfSegment(bytes)) {
				const file = this.#listed.get(pack.id);
				if (file === undefined) this.#missing(name, pack);
				else await this.#checkPack(file, { ...pack, segment: name });
			}
		} catch (error) {
			if (!(error instanceof CorruptError)) throw error;
			this.#segmentFault(name, "BAD_SEGMENT", error.message);
		}
	}

	async #checkPack(
		file: ListedFile,
		said: SaidOfPack | undefined,
	): Promise<void> {
		const { signal, queue, chosen, directories, copies } = this.#options;
		signal?.throwIfAborted();
		const isFirst = !this.#done.has(file.name);
		this.#done.add(file.name);
		if (!/^[0-9a-f]{64}$/.test(file.name)) {
			this.#packFault(file, "STRANGE_FILE", "no pack has such a name");
			return;
		}
		if (said !== undefined && said.size !== file.size)
			this.#packFault(
				file,
				"BAD_PACK_SIZE",
				`it has ${file.size} bytes, but ${said.size} in segments/${said.segment}`,
				said.frames,
			);
		const ends = this.#readEnds(file, isFirst);
		if (directories && said !== undefined) this.#compare(file, ends, said);
		const kind = ends.kind ?? said?.kind;
		const isRead = isFirst && chosen.has(file.name);
		if (isFirst) copies?.pack(file, { kind, trailer: ends.trailer });
		if (isRead && queue !== undefined) {
			const { trailer } = ends;
			const frames = ends.frames ?? said?.frames;
			await queue.add({ file, kind, trailer, frames });
			const copy = copies?.toRead(file);
			if (copy !== undefined) await queue.add(copy);
		} else await new Promise((resolve) => setImmediate(resolve));
	}

	/** What stands around the frames; what is wrong with it is told, if `tells`. */
	#readEnds(file: ListedFile, tells: boolean): Ends {
		const attempt = <T>(code: FindingCode, read: () => T): T | undefined => {
			const result = attemptNewer(read);
			if ("value" in result) return result.value;
			const { error } = result;
			const isRead = error.name !== "StorageError";
			if (tells)
				this.#packFault(file, isRead ? code : "UNREADABLE_FILE", error.message);
			return undefined;
		};
		const kind = attempt("BAD_PACK_HEADER", () => this.#ends.kind(file));
		const trailer = attempt("BAD_TRAILER", () => this.#ends.trailer(file));
		const frames =
			trailer === undefined || !this.#options.directories
				? undefined
				: attempt("BAD_DIRECTORY", () => this.#ends.directory(file, trailer));
		return { kind, trailer, frames };
	}

	#compare(file: ListedFile, { kind, frames }: Ends, said: SaidOfPack): void {
		if (kind !== undefined && kind !== said.kind)
			this.#packFault(
				file,
				"SEGMENT_DIFFERS",
				`segments/${said.segment} says that it is of another kind`,
			);
		if (frames === undefined) return;
		const differing = new Set(differingFrames(said.frames, frames));
		if (differing.size === 0) return;
		this.#packFault(
			file,
			"SEGMENT_DIFFERS",
			`segments/${said.segment} and its directory differ in ${differing.size} frames`,
			said.frames.filter((frame) => differing.has(frame.offset)),
		);
	}

	#missing(segment: string, pack: PackInSegment): void {
		// A sweep deletes packs before the segments that name them.
		if (this.#options.listing.condemned.has(pack.id)) return;
		this.#options.faults.add({
			code: "MISSING_PACK",
			message: `packs/${pack.id}, named by segments/${segment}, is not there`,
			file: { kind: "packs", name: pack.id },
			pack: pack.id,
			chunks: chunksOf(pack.frames),
		});
	}

	#packFault(
		{ name }: ListedFile,
		code: FindingCode,
		problem: string,
		frames: readonly PackFrame[] = [],
	): void {
		this.#options.faults.add({
			code,
			message: `packs/${name} is damaged: ${problem}`,
			file: { kind: "packs", name },
			pack: name as PackId,
			chunks: chunksOf(frames),
		});
	}

	#segmentFault(name: string, code: FindingCode, problem: string): void {
		this.#options.faults.add({
			code,
			message: `segments/${name} is damaged: ${problem}`,
			file: { kind: "segments", name },
			chunks: [],
		});
	}
}

interface SaidOfPack extends PackInSegment {
	readonly segment: string;
}

interface Ends {
	readonly kind: PackKind | undefined;
	readonly trailer: Trailer | undefined;
	readonly frames: readonly PackFrame[] | undefined;
}

function chunksOf(frames: readonly PackFrame[]): string[] {
	return frames.flatMap(({ ids }) =>
		Array.from({ length: ids.length / idBytes }, (_, i) =>
			toHex(ids, i * idBytes, (i + 1) * idBytes),
		),
	);
}

/** One flipped bit makes a pack look like one of a newer program: here that is damage too. */
function attemptNewer<T>(read: () => T): { value: T } | { error: VarveError } {
	try {
		return { value: read() };
	} catch (error) {
		if (isVarveError(error)) return { error };
		throw error;
	}
}
