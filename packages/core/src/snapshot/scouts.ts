import { decodeName } from "@varve/format";
import type { Crew } from "../repository.ts";
import type { DirectoryListing } from "./directory-listing.ts";
import type { PreviousScan } from "./previous.ts";
import type { ScoutedDirectory, ScoutReply } from "./scout-job.ts";

/** A task should outweigh its message: so many entries, in at most so many directories. */
const entriesPerTask = 1024;
const directoriesPerTask = 128;
const tasksPerThread = 2;
/** Entries listed ahead of the walk. */
const maxAhead = 32 * 1024;

export interface ScoutsOptions {
	readonly crew: Crew;
	/** Tells which directories there were, in the order of the walk. */
	readonly previous: PreviousScan;
	/** Absolute paths of the roots, with "/" at the end. */
	readonly roots: readonly string[];
	/** See ListingRequest. */
	readonly racyFrom: bigint;
}

/**
 * Threads that list directories ahead of the walk: those of the parent snapshot, in its order. One that is new, or that nobody has
 * begun, is left to the walk itself, so that it never waits for more than what is under way.
 */
export class Scouts {
	readonly #options: ScoutsOptions;
	/** Directories under way and listed, and the number of entries they had. */
	readonly #coming = new Map<string, number>();
	readonly #ready = new Map<string, ScoutedDirectory>();
	#ahead = 0;
	#tasks = 0;
	#arrival: (() => void) | undefined;
	#failure: { readonly error: unknown } | undefined;

	constructor(options: ScoutsOptions) {
		this.#options = options;
		options.crew.onReply = (reply) => this.#receive(reply as ScoutReply);
		this.#dispatch();
	}

	/** True if the listing is under way: `arrived` will tell. */
	isComing(path: string): boolean {
		return this.#coming.has(path) && !this.#ready.has(path);
	}

	/** Resolves when a listing that is under way has come. */
	async arrived(path: string): Promise<void> {
		while (this.isComing(path)) {
			await new Promise<void>((resolve) => {
				this.#arrival = resolve;
			});
			if (this.#failure !== undefined) throw this.#failure.error;
		}
	}

	/** The listing, if it is here; else the walk is on its own. Throws as reading the directory would. */
	take(path: string): DirectoryListing | undefined {
		const found = this.#ready.get(path);
		if (found === undefined) return undefined;
		this.#ready.delete(path);
		this.#ahead -= this.#coming.get(path) ?? 0;
		this.#coming.delete(path);
		this.#dispatch();
		if ("reason" in found)
			throw Object.assign(new Error(`cannot list ${path}`), {
				code: found.reason,
			});
		const { names } = found.listing;
		return { ...found.listing, names: names === "" ? [] : names.split("\0") };
	}

	async close(): Promise<void> {
		await this.#options.crew.close();
	}

	#dispatch(): void {
		const { crew, racyFrom } = this.#options;
		while (this.#tasks < crew.size * tasksPerThread && this.#ahead < maxAhead) {
			const paths = this.#nextPaths();
			if (paths.length === 0) return;
			this.#tasks++;
			crew.submit({ paths, racyFrom }).catch((error: unknown) => {
				this.#failure ??= { error };
				this.#arrival?.();
			});
		}
	}

	#nextPaths(): string[] {
		const { previous, roots } = this.#options;
		const paths: string[] = [];
		let entries = 0;
		while (entries < entriesPerTask && paths.length < directoriesPerTask) {
			const block = previous.peekAhead();
			if (block === undefined) break;
			if (block.page > 0) continue;
			const relative = decodeName(block.path);
			const root = roots[block.root] ?? "";
			const path = relative === "" ? root : `${root}${relative}/`;
			this.#coming.set(path, block.count);
			this.#ahead += block.count;
			entries += block.count;
			paths.push(path);
		}
		return paths;
	}

	#receive({ directories }: ScoutReply): void {
		this.#tasks--;
		for (const directory of directories)
			this.#ready.set(directory.path, directory);
		this.#dispatch();
		this.#arrival?.();
	}
}
