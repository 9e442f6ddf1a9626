/** What the verbs take from outside, so that a test can give something else. */
export interface Clock {
	/** Milliseconds since 1970. */
	now(): number;
	/** Minutes east of UTC that a local time of this moment is ahead. */
	offsetMinutes(time: number): number;
}

/** Waits, and time that only passes. */
export interface Timer {
	/** Calls back once, `delay` ms from now. Never keeps the process from ending. What is returned calls it off. */
	after(delay: number, call: () => void): () => void;
	/** Resolves in `delay` ms; rejects with the reason of `signal`. */
	sleep(delay: number, signal?: AbortSignal | undefined): Promise<void>;
	/** Milliseconds since this machine was started, without those it slept: the same for all processes of one boot. */
	uptime(): number;
}

/** Who runs this, where. */
export interface Identity {
	readonly host: string;
	readonly user: string;
	readonly machineId: string;
	readonly bootId: string;
	readonly pid: number;
	readonly startTicks: string;
	readonly pidNamespace: string;
	/** Name and version of the program. */
	readonly program: string;
}
