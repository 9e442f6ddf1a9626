import type { Crew } from "../repository.ts";
import type { DirectoryListing } from "./directory-listing.ts";
import type { ScoutedDirectory, ScoutReply } from "./scout-job.ts";

const perTask = 8;
const tasksPerThread = 2;
/** Listings that wait for the walk. */
const maxReady = 256;

/**
 * Threads that list directories ahead of the walk, in its order as far as it is known. A directory that nobody has begun is left to
 * the walk itself, so that nobody ever waits for more than what is under way.
 */
export class Scouts {
	readonly #crew: Crew;
	readonly #racyFrom: bigint;
	/** Directories to be listed; the next one last. Those the walk has taken itself are not in `#wanted` any more. */
	readonly #stack: string[] = [];
	readonly #wanted = new Set<string>();
	readonly #coming = new Set<string>();
	readonly #ready = new Map<string, ScoutedDirectory>();
	#tasks = 0;
	#arrival: (() => void) | undefined;
	#failure: { error: unknown } | undefined;

	constructor(crew: Crew, racyFrom: bigint) {
		this.#crew = crew;
		this.#racyFrom = racyFrom;
		crew.onReply = (reply) => this.#receive(reply as ScoutReply);
	}

	/** Directories just found, in the order of the walk: they come before all that was wanted earlier. */
	want(paths: readonly string[]): void {
		for (let i = paths.length - 1; i >= 0; i--) {
			const path = paths[i] as string;
			this.#stack.push(path);
			this.#wanted.add(path);
		}
		this.#dispatch();
	}

	/** True if the listing is under way: `arrived` will tell. */
	isComing(path: string): boolean {
		return this.#coming.has(path);
	}

	/** Resolves when a listing that is under way has come. */
	async arrived(path: string): Promise<void> {
		while (this.#coming.has(path)) {
			await new Promise<void>((resolve) => {
				this.#arrival = resolve;
			});
			if (this.#failure !== undefined) throw this.#failure.error;
		}
	}

	/** The listing, if it is here; else the walk is on its own. Throws as reading the directory would. */
	take(path: string): DirectoryListing | undefined {
		this.#wanted.delete(path);
		const found = this.#ready.get(path);
		if (found === undefined) return undefined;
		this.#ready.delete(path);
		this.#dispatch();
		if ("reason" in found)
			throw Object.assign(new Error(`cannot list ${path}`), {
				code: found.reason,
			});
		const { names } = found.listing;
		return { ...found.listing, names: names === "" ? [] : names.split("\0") };
	}

	async close(): Promise<void> {
		await this.#crew.close();
	}

	#dispatch(): void {
		while (
			this.#tasks < this.#crew.size * tasksPerThread &&
			this.#ready.size < maxReady
		) {
			const paths = this.#nextPaths();
			if (paths.length === 0) return;
			this.#tasks++;
			this.#crew
				.submit({ paths, racyFrom: this.#racyFrom })
				.catch((error: unknown) => {
					this.#failure = { error };
					this.#arrival?.();
				});
		}
	}

	#nextPaths(): string[] {
		const paths: string[] = [];
		while (paths.length < perTask) {
			const path = this.#stack.pop();
			if (path === undefined) break;
			if (!this.#wanted.delete(path)) continue;
			this.#coming.add(path);
			paths.push(path);
		}
		return paths;
	}

	#receive({ directories }: ScoutReply): void {
		this.#tasks--;
		for (const directory of directories) {
			this.#coming.delete(directory.path);
			this.#ready.set(directory.path, directory);
		}
		this.#dispatch();
		this.#arrival?.();
	}
}
