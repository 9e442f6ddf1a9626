/** RFC 3339 with milliseconds and the given offset from UTC in minutes. */
export function formatTime(time: number, offsetMinutes: number): string {
	const local = new Date(time + offsetMinutes * 60_000)
		.toISOString()
		.slice(0, -1);
	const sign = offsetMinutes < 0 ? "-" : "+";
	const minutes = Math.abs(offsetMinutes);
	const two = (n: number) => String(n).padStart(2, "0");
	return `${local}${sign}${two(Math.floor(minutes / 60))}:${two(minutes % 60)}`;
}

/** A moment since 1970. */
export interface Moment {
	/** Whole, rounded down. */
	readonly seconds: number;
	readonly nanoseconds: number;
}

const second = 1_000_000_000n;

/** The moment of a time in nanoseconds. */
export function splitTime(time: bigint): Moment {
	let nanoseconds = time % second;
	if (nanoseconds < 0n) nanoseconds += second;
	return {
		seconds: Number((time - nanoseconds) / second),
		nanoseconds: Number(nanoseconds),
	};
}
