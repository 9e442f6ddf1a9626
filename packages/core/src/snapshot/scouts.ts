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
	/** Their paths: absolute, with "/" at the end. */
	readonly roots: readonly string[];
	/** See ListingRequest. */
	readonly racyFrom: bigint;
}

interface Coming {
	/** Number of its block in the scan state. */
	readonly block: number;
	/** Entries it had. */
	readonly count: number;
}

/**
 * Threads that list directories ahead of the walk: those of the parent snapshot, in its order. One that is new, or that nobody has
 * begun, is left to the walk itself, so that it never waits for more than what is under way.
 */
export class Scouts {
	readonly #options: ScoutsOptions;
	/** Directories under way and listed, in the order of the walk. */
	readonly #coming = new Map<string, Coming>();
	readonly #ready = new Map<string, ScoutedDirectory>();
	#ahead = 0;
	#tasks = 0;
	#watching = false;
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
			if (this.#failure !== undefined) throw this.#failure.error;
			await new Promise<void>((resolve) => {
				this.#arrival = resolve;
			});
		}
	}

	/** The listing, if it is here; else the walk is on its own. Asked once the walk has taken the directory from the scan state. Throws as reading the directory would. */
	take(path: string): DirectoryListing | undefined {
		const found = this.#ready.get(path);
		this.#dropPassed();
		if (found === undefined) return undefined;
		if ("reason" in found)
			throw Object.assign(new Error(`cannot list ${path}`), {
				code: found.reason,
			});
		const { names } = found.listing;
		return { ...found.listing, names: names === "" ? [] : names.split("\0") };
	}

	/** What the walk has passed by will never be taken, and makes room for what comes. */
	#dropPassed(): void {
		const { passed } = this.#options.previous;
		for (const [path, { block, count }] of this.#coming) {
			if (block >= passed) break;
			this.#coming.delete(path);
			this.#ready.delete(path);
			this.#ahead -= count;
		}
		this.#dispatch();
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
			crew.submit({ paths, racyFrom }).catch(this.#fail);
			this.#watch();
		}
	}

	/** A crew that fails, or is aborted, with all its tasks given out tells nobody but who waits for it to be idle. */
	#watch(): void {
		if (this.#watching) return;
		this.#watching = true;
		this.#options.crew.idle().then(() => {
			this.#watching = false;
			// Idle before what was just submitted had reached a thread.
			if (this.#tasks > 0) this.#watch();
		}, this.#fail);
	}

	readonly #fail = (error: unknown): void => {
		this.#failure ??= { error };
		this.#arrival?.();
	};

	#nextPaths(): string[] {
		const { previous, roots } = this.#options;
		const paths: string[] = [];
		let entries = 0;
		while (entries < entriesPerTask && paths.length < directoriesPerTask) {
			const block = previous.peekAhead();
			if (block === undefined) break;
			if (block.page > 0) continue;
			const relative = decodeName(block.path);
			const root = roots[block.root];
			// The walk itself begins with the root, and of a root of entries only those that were asked for may be looked at.
			if (root === undefined || relative === "") continue;
			const path = `${root}${relative}/`;
			const number = previous.ahead - 1;
			this.#coming.set(path, { block: number, count: block.count });
			this.#ahead += block.count;
			entries += block.count;
			paths.push(path);
		}
		return paths;
	}

	#receive({ directories }: ScoutReply): void {
		this.#tasks--;
		for (const directory of directories)
			if (this.#coming.has(directory.path))
				this.#ready.set(directory.path, directory);
		this.#dispatch();
		this.#arrival?.();
	}
}
