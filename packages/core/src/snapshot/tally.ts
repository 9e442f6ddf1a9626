import { noStatistics, type Statistics } from "@varve/format";

/** Counts that grow while a snapshot is taken. */
export type Tally = { -readonly [K in keyof Statistics]: Statistics[K] };

export function newTally(): Tally {
	return { ...noStatistics };
}
