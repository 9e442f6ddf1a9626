import {
	ConflictError,
	encodeLease,
	isVarveError,
	type Lease,
	type VarveError,
} from "@varve/format";
import type { Stage } from "@varve/store";
import { isRefusal } from "./refusal.ts";
import type { Repository } from "./repository.ts";

const minute = 60_000;
/** Between two signs of life, ms. */
export const beatInterval = 5 * minute;
/** Between two tries where one failed. */
const retryInterval = minute;
/**
 * Without a sign of life for so long the holder gives up. Others take it for dead after 30 minutes (silence.ts), so that it knows
 * before they do.
 */
export const giveUpAfter = 20 * minute;

/** Shows that the holder of a lease is alive, until it is stopped. */
export interface Heartbeat {
	/** Aborts with a ConflictError "FENCED" if the lease can be held no longer: what is done under it is in vain. */
	readonly lost: AbortSignal;
	/** Ends it. Resolves to the names of the heartbeats that still lie in `leases/`. */
	stop(): Promise<readonly string[]>;
}

/**
 * Writes `leases/<lease>.<n>` every five minutes, a new object with the next number each time, and takes the one before away.
 * Number 0, the lease itself, is not touched: no listing may miss a lease between two heartbeats. Who only reads goes on where nothing
 * can be written any more, as it would have begun there: a restore from a disk that is full must not end by that.
 */
export function startHeartbeat(
	repository: Repository,
	stage: Stage,
	record: Lease,
): Heartbeat {
	return new Heart(repository, stage, record);
}

class Heart implements Heartbeat {
	readonly #repository: Repository;
	readonly #stage: Stage;
	readonly #record: Lease;
	readonly #loss = new AbortController();
	#beat = 0;
	/** Heartbeats that may lie in the repository. */
	#lying: string[] = [];
	/** By the wall clock, which goes on while the machine sleeps. */
	#last: number;
	#callOff: () => void;
	#trying: Promise<void> = Promise.resolve();
	#stopped = false;
	#hasWarned = false;

	constructor(repository: Repository, stage: Stage, record: Lease) {
		this.#repository = repository;
		this.#stage = stage;
		this.#record = record;
		this.#last = repository.clock.now();
		this.#callOff = this.#after(beatInterval);
	}

	get lost(): AbortSignal {
		return this.#loss.signal;
	}

	async stop(): Promise<readonly string[]> {
		this.#stopped = true;
		this.#callOff();
		await this.#trying;
		return this.#lying;
	}

	#after(delay: number): () => void {
		return this.#repository.timer.after(delay, () => {
			this.#trying = this.#try();
		});
	}

	/** A machine that slept tries before it gives up: while the stage is there nobody has decided anything. */
	async #try(): Promise<void> {
		const { timer, clock } = this.#repository;
		const left = this.#last + giveUpAfter - clock.now();
		const callOff = timer.after(Math.max(retryInterval, left), () =>
			this.#lose(),
		);
		let delay = retryInterval;
		try {
			await this.#write();
			delay = beatInterval;
		} catch (error) {
			this.#judge(error);
		} finally {
			callOff();
		}
		if (!this.#stopped && !this.lost.aborted)
			this.#callOff = this.#after(delay);
	}

	async #write(): Promise<void> {
		const { tools, clock } = this.#repository;
		const before = this.#lying;
		const beat = this.#beat + 1;
		const name = `${this.#record.lease}.${beat}`;
		this.#lying = [...before.filter((one) => one !== name), name];
		const bytes = encodeLease({ ...this.#record, beat }, (b) =>
			tools.sha256Hex(b),
		);
		await this.#stage.putBytes("leases", name, bytes);
		this.#beat = beat;
		this.#last = clock.now();
		for (const old of before) if (old !== name) await this.#remove(old);
	}

	/** One that cannot be removed, as on storage that only grows, stays until the end. */
	async #remove(name: string): Promise<void> {
		try {
			await this.#repository.backend.remove(this.#stage, "leases", name);
			this.#lying = this.#lying.filter((one) => one !== name);
		} catch (error) {
			if (!isVarveError(error) || error.code === "FENCED") throw error;
		}
	}

	#judge(error: unknown): void {
		if (!isVarveError(error) || error.code === "FENCED") {
			this.#loss.abort(error);
			return;
		}
		if (this.#record.kind === "reader" && isRefusal(error)) {
			this.#warnOnce(error);
			return;
		}
		const message = `the lease ${this.#record.lease} could not be refreshed: ${error.message}`;
		this.#repository.observer.on({ type: "trace", message });
		if (this.#repository.clock.now() - this.#last >= giveUpAfter)
			this.#lose(error);
	}

	#warnOnce({ message }: VarveError): void {
		if (this.#hasWarned) return;
		this.#hasWarned = true;
		this.#repository.observer.on({
			type: "warning",
			message: `the lease cannot be refreshed (${message}): reading on, do not run gc on another machine meanwhile`,
		});
	}

	#lose(cause?: unknown): void {
		const { lease } = this.#record;
		const minutes = Math.round(
			(this.#repository.clock.now() - this.#last) / minute,
		);
		this.#loss.abort(
			new ConflictError(
				"FENCED",
				`the lease ${lease} could not be refreshed for ${minutes} minutes: others may take this run for dead`,
				{ lease },
				{ cause },
			),
		);
	}
}
