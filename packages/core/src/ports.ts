/** What the verbs take from outside, so that a test can give something else. */
export interface Clock {
	/** Milliseconds since 1970. */
	now(): number;
	/** Minutes east of UTC that a local time of this moment is ahead. */
	offsetMinutes(time: number): number;
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
