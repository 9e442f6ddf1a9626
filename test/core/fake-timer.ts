import type { Clock, Timer } from "../../packages/core/src/ports.ts";

/** Time that passes when it is told to: for the clock, for what waits, and for what counts from the start of the machine. */
export class FakeTimer implements Timer, Clock {
	#now: number;
	#uptime = 1_000_000;
	#waiting: { readonly due: number; readonly call: () => void }[] = [];

	constructor(now: number) {
		this.#now = now;
	}

	readonly now = () => this.#now;
	readonly offsetMinutes = () => 0;
	readonly uptime = () => this.#uptime;

	readonly after = (delay: number, call: () => void) => {
		const one = { due: this.#uptime + delay, call };
		this.#waiting.push(one);
		return () => {
			this.#waiting = this.#waiting.filter((other) => other !== one);
		};
	};

	readonly sleep = async (delay: number, signal?: AbortSignal) => {
		signal?.throwIfAborted();
		await this.pass(delay);
	};

	get waiting(): number {
		return this.#waiting.length;
	}

	/** Lets this many ms pass, and calls what waits at its time. */
	async pass(milliseconds: number): Promise<void> {
		const end = this.#uptime + milliseconds;
		for (;;) {
			const next = this.#next(end);
			if (next === undefined) break;
			this.#move(next.due - this.#uptime);
			this.#waiting = this.#waiting.filter((other) => other !== next);
			next.call();
			await settle();
		}
		this.#move(end - this.#uptime);
		await settle();
	}

	/** The machine sleeps: the wall clock goes on, nothing else does. */
	suspend(milliseconds: number): void {
		this.#now += milliseconds;
	}

	#next(end: number) {
		return this.#waiting
			.filter(({ due }) => due <= end)
			.sort((a, b) => a.due - b.due)[0];
	}

	#move(milliseconds: number): void {
		this.#now += milliseconds;
		this.#uptime += milliseconds;
	}
}

/** Lets what goes on in memory come to its end. */
async function settle(): Promise<void> {
	for (let turn = 0; turn < 20; turn++)
		await new Promise((resolve) => setImmediate(resolve));
}
