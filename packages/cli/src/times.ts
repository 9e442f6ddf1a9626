/** Times for people and times as people write them. Offsets are minutes east of UTC. */

/** Gives the offset of the local clock at a moment, both in ms and minutes. */
export type OffsetAt = (time: number) => number;

/** The offset of this process's time zone. */
export function systemOffset(time: number): number {
	return -new Date(time).getTimezoneOffset();
}

/** "2026-11-19 14:00:05 +0100", in local time. Seconds are cut, not rounded. */
export function formatTime(time: number, offsetAt: OffsetAt): string {
	const offset = offsetAt(time);
	const local = new Date(time + offset * 60_000).toISOString();
	return `${local.slice(0, 10)} ${local.slice(11, 19)} ${formatOffset(offset, "")}`;
}

/** RFC 3339 with milliseconds and the local offset. */
export function formatRfc3339(time: number, offsetAt: OffsetAt): string {
	const offset = offsetAt(time);
	const local = new Date(time + offset * 60_000).toISOString();
	return `${local.slice(0, 23)}${formatOffset(offset, ":")}`;
}

/** RFC 3339 in UTC of seconds and nanoseconds since 1970; nine digits unless they end in zeros. */
export function formatNanoseconds(
	seconds: number,
	nanoseconds: number,
): string {
	const whole = new Date(seconds * 1000);
	if (Number.isNaN(whole.getTime())) return `@${seconds}`;
	const base = whole.toISOString().replace(/\.\d+Z$/, "");
	const fraction = String(nanoseconds).padStart(9, "0").replace(/0+$/, "");
	return fraction === "" ? `${base}Z` : `${base}.${fraction}Z`;
}

function formatOffset(minutes: number, separator: string): string {
	const sign = minutes < 0 ? "-" : "+";
	const size = Math.abs(minutes);
	const two = (value: number) => String(value).padStart(2, "0");
	return `${sign}${two(Math.floor(size / 60))}${separator}${two(size % 60)}`;
}

const pattern =
	/^(\d{4})-(\d\d)-(\d\d)(?:[T ](\d\d):(\d\d)(?::(\d\d)(?:\.(\d{1,9}))?)?)?\s*(Z|[+-]\d\d:?\d\d)?$/i;

/**
 * Milliseconds since 1970 of "2026-11-19", "2026-11-19 14:00[:05[.123]]" (local time), or RFC 3339 with an offset. undefined for
 * anything else, impossible dates included.
 */
export function parseTime(
	text: string,
	offsetAt: OffsetAt,
): number | undefined {
	const match = pattern.exec(text.trim());
	if (match === null) return undefined;
	const part = (index: number) => Number(match[index] ?? 0);
	const fraction = Number(`0.${match[7] ?? 0}`);
	const utc = Date.UTC(
		part(1),
		part(2) - 1,
		part(3),
		part(4),
		part(5),
		part(6),
	);
	const shown = new Date(utc).toISOString();
	const same =
		shown.slice(0, 10) === text.trim().slice(0, 10) &&
		part(4) < 24 &&
		part(5) < 60 &&
		part(6) < 60;
	if (!same) return undefined;
	const time = utc + Math.floor(fraction * 1000);
	const zone = match[8];
	return zone === undefined
		? fromLocal(time, offsetAt)
		: time - offsetOf(zone) * 60_000;
}

/** The moment at which a local clock shows this; the earlier one where it shows it twice. */
function fromLocal(local: number, offsetAt: OffsetAt): number {
	const guesses = [
		local - offsetAt(local - 86_400_000) * 60_000,
		local - offsetAt(local + 86_400_000) * 60_000,
	];
	const exact = guesses.filter(
		(guess) => guess + offsetAt(guess) * 60_000 === local,
	);
	return Math.min(...(exact.length > 0 ? exact : guesses));
}

function offsetOf(zone: string): number {
	if (zone.toUpperCase() === "Z") return 0;
	const digits = zone.slice(1).replace(":", "");
	const minutes = Number(digits.slice(0, 2)) * 60 + Number(digits.slice(2));
	return zone.startsWith("-") ? -minutes : minutes;
}
