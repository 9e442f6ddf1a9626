import type { PackId } from "@varve/format";
import type { ListedFile } from "@varve/store";
import type { Repository } from "../repository.ts";

/** What of the packs in a listing has ever been read whole on this client and found good. */
export interface ProofAccount {
	/** Packs, and their bytes, of which that is not known. */
	readonly unproved: number;
	readonly unprovedBytes: number;
	/** Of the other ones: when the one was read that was read longest ago, ms since 1970. undefined if there is none. */
	readonly oldest: number | undefined;
}

const flushAt = 64;

/**
 * When packs were last read whole with what result, as this client's index remembers it. What is proved is written down while the work goes
 * on, so that a run that ends early keeps it. Losing it costs only reading again.
 */
export class Proofs {
	readonly #repository: Pick<Repository, "index" | "clock">;
	readonly #times: Map<string, number>;
	#good: PackId[] = [];
	#bad: PackId[] = [];
	#writing: Promise<void> = Promise.resolve();

	private constructor(
		repository: Pick<Repository, "index" | "clock">,
		times: Map<string, number>,
	) {
		this.#repository = repository;
		this.#times = times;
	}

	static async open(
		repository: Pick<Repository, "index" | "clock">,
		packs: readonly ListedFile[],
	): Promise<Proofs> {
		const names = packs.map(({ name }) => name as PackId);
		const times = new Map<string, number>(
			await repository.index.verified(names),
		);
		return new Proofs(repository, times);
	}

	/** ms since 1970; 0 if it is not known, or was damaged then. */
	timeOf(pack: string): number {
		return this.#times.get(pack) ?? 0;
	}

	take(pack: PackId, isGood: boolean): void {
		this.#times.set(pack, isGood ? this.#repository.clock.now() : 0);
		(isGood ? this.#good : this.#bad).push(pack);
		if (this.#good.length + this.#bad.length >= flushAt) this.#flush();
	}

	/** Resolves when all that was taken is written down. */
	async keep(): Promise<void> {
		this.#flush();
		await this.#writing;
	}

	#flush(): void {
		const [good, bad] = [this.#good, this.#bad];
		this.#good = [];
		this.#bad = [];
		const { index, clock } = this.#repository;
		const now = clock.now();
		this.#writing = this.#writing.then(async () => {
			if (good.length > 0) await index.setVerified(good, now);
			// The next run reads it first.
			if (bad.length > 0) await index.setVerified(bad, 0);
		});
		// What fails surfaces in `keep`.
		this.#writing.catch(() => {});
	}

	account(packs: readonly ListedFile[]): ProofAccount {
		let unproved = 0;
		let unprovedBytes = 0;
		let oldest: number | undefined;
		for (const { name, size } of packs) {
			const time = this.timeOf(name);
			if (time === 0) {
				unproved++;
				unprovedBytes += size;
			} else if (oldest === undefined || time < oldest) oldest = time;
		}
		return { unproved, unprovedBytes, oldest };
	}
}
