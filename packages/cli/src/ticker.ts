import type { Step } from "@varve/core";
import type { Progress } from "./progress.ts";

export interface TickerOptions {
	/** Milliseconds, never going back. */
	readonly now: () => number;
	/** Least time between two showings, in milliseconds. */
	readonly interval: number;
	readonly show: (progress: Progress) => void;
}

/** Shows steps no more often than it should: the first of a phase at once, then the latest in each interval. */
export class Ticker {
	readonly #options: TickerOptions;
	#phase: string | undefined;
	#phaseStart = 0;
	#shownAt = Number.NEGATIVE_INFINITY;
	#latest: Step | undefined;

	constructor(options: TickerOptions) {
		this.#options = options;
	}

	step(step: Step): void {
		if (step.phase !== this.#phase) {
			this.#phase = step.phase;
			this.#phaseStart = this.#options.now();
		}
		this.#latest = step;
		this.tick();
	}

	/** Shows the latest step again if its time has come: a clock goes on where no step is made. */
	tick(): void {
		const now = this.#options.now();
		if (
			this.#latest === undefined ||
			now - this.#shownAt < this.#options.interval
		)
			return;
		this.#shownAt = now;
		this.#options.show({
			step: this.#latest,
			elapsed: now - this.#phaseStart,
		});
	}

	/** Nothing is shown again until the next step. */
	stop(): void {
		this.#phase = undefined;
		this.#latest = undefined;
	}
}
