import type { Clock } from "../ports.ts";

/** A point in time as a user says it, not yet tied to a clock. */
export type Moment =
	/** By the reader's clock, or with an offset from UTC in minutes. */
	| {
			readonly kind: "written";
			/** Year, month (1 to 12), day, hour, minute, second, millisecond, as far as they are given. */
			readonly fields: readonly number[];
			readonly offset: number | undefined;
	  }
	/** So long ago. */
	| { readonly kind: "ago"; readonly parts: readonly Span[] }
	/** A whole day, so many days ago. */
	| { readonly kind: "day"; readonly daysAgo: number };

export interface Span {
	readonly count: number;
	readonly unit: SpanUnit;
}

type SpanUnit = "y" | "m" | "w" | "d" | "h" | "min" | "s";

export interface ParsedMoment {
	readonly moment: Moment;
	/** What follows in the text. */
	readonly rest: string;
}

const date = /^(\d{4})-(\d\d)-(\d\d)/;
const colons =
	/^[T ](\d\d):(\d\d)(?::(\d\d)(?:\.(\d{1,3})\d*)?)?(?: ?(Z|[+-]\d\d:?\d\d))?/;
/** As in names of files; the dashes leave no room for an offset. */
const dashes = /^T(\d\d)-(\d\d)(?:-(\d\d))?/;
const compact = /^(\d{4})(\d\d)(\d\d)[_T](\d\d)(\d\d)(?:(\d\d))?/;
const spans = /^(?:\d{1,6}(?:min|[ymwdhs]))+/;
const days: Readonly<Record<string, number>> = { today: 0, yesterday: 1 };

/** Reads a point in time at the beginning of a text that ends there or goes on with ":"; undefined if there is none. */
export function parseMoment(text: string): ParsedMoment | undefined {
	const parsed =
		parseWritten(text) ??
		parseCompact(text) ??
		parseAgo(text) ??
		parseDay(text);
	if (parsed === undefined) return undefined;
	return parsed.rest === "" || parsed.rest.startsWith(":") ? parsed : undefined;
}

function parseWritten(text: string): ParsedMoment | undefined {
	const day = date.exec(text);
	if (day === null) return undefined;
	const behind = text.slice(day[0].length);
	const time = colons.exec(behind) ?? dashes.exec(behind);
	const [all = "", hour, minute, second, fraction, zone] = time ?? [];
	const fields = [...day.slice(1), hour, minute, second]
		.filter((part) => part !== undefined)
		.map(Number);
	if (fraction !== undefined) fields.push(Number(fraction.padEnd(3, "0")));
	if (!isDate(fields)) return undefined;
	const offset = zone === undefined ? undefined : parseZone(zone);
	const rest = behind.slice(all.length);
	return { moment: { kind: "written", fields, offset }, rest };
}

function parseCompact(text: string): ParsedMoment | undefined {
	const match = compact.exec(text);
	if (match === null) return undefined;
	const parts = match.slice(1).filter((part) => part !== undefined);
	const fields = parts.map(Number);
	if (!isDate(fields)) return undefined;
	const rest = text.slice(match[0].length);
	return { moment: { kind: "written", fields, offset: undefined }, rest };
}

function parseAgo(text: string): ParsedMoment | undefined {
	const match = spans.exec(text)?.[0];
	if (match === undefined) return undefined;
	const parts = [...match.matchAll(/(\d+)(min|[ymwdhs])/g)].map(
		([, count, unit]) => ({ count: Number(count), unit: unit as SpanUnit }),
	);
	return { moment: { kind: "ago", parts }, rest: text.slice(match.length) };
}

function parseDay(text: string): ParsedMoment | undefined {
	for (const [word, daysAgo] of Object.entries(days))
		if (text.startsWith(word))
			return {
				moment: { kind: "day", daysAgo },
				rest: text.slice(word.length),
			};
	return undefined;
}

function parseZone(zone: string): number {
	if (zone === "Z") return 0;
	const [, sign, hours, minutes] = /^(.)(\d\d):?(\d\d)$/.exec(zone) ?? [];
	const total = Number(hours) * 60 + Number(minutes);
	return sign === "-" ? -total : total;
}

function isDate(fields: readonly number[]): boolean {
	const [year = 0, month = 0, day = 0, hour = 0, minute = 0, second = 0] =
		fields;
	const valid = new Date(Date.UTC(year, month - 1, day));
	return (
		valid.getUTCMonth() === month - 1 &&
		valid.getUTCDate() === day &&
		hour < 24 &&
		minute < 60 &&
		second < 60
	);
}

/** The last millisecond (since 1970) that still belongs to a moment: that of the day, if no more than a day is said. */
export function momentEnd(moment: Moment, clock: Clock): number {
	if (moment.kind === "ago") return spansBefore(moment.parts, clock);
	if (moment.kind === "written") return writtenEnd(moment, clock);
	const now = localFields(clock.now(), clock);
	const fields = [now[0], now[1], now[2] - moment.daysAgo];
	return writtenEnd({ fields, offset: undefined }, clock);
}

const lengths = [864e5, 36e5, 6e4, 1e3, 1];

function writtenEnd(
	{ fields, offset }: { fields: readonly number[]; offset: number | undefined },
	clock: Clock,
): number {
	const [year = 0, month = 1, day = 1, hour = 0, minute = 0, second = 0] =
		fields;
	const wall = Date.UTC(year, month - 1, day, hour, minute, second);
	const length = lengths[fields.length - 3] as number;
	const end = wall + (fields[6] ?? 0) + length - 1;
	return offset === undefined ? wallToTime(end, clock) : end - offset * 6e4;
}

/** Where a clock is set back, the later of two moments with this wall time. */
function wallToTime(wall: number, clock: Clock): number {
	const early = wall - clock.offsetMinutes(wall - 864e5) * 6e4;
	const late = wall - clock.offsetMinutes(wall + 864e5) * 6e4;
	const fits = (time: number) =>
		time + clock.offsetMinutes(time) * 6e4 === wall;
	const fitting = [early, late].filter(fits);
	return fitting.length > 0 ? Math.max(...fitting) : Math.max(early, late);
}

const milliseconds: Readonly<Record<string, number>> = {
	h: 36e5,
	min: 6e4,
	s: 1e3,
};

/** Days, weeks, months and years by the calendar, at the same time of day; the day is kept within its month. */
function spansBefore(parts: readonly Span[], clock: Clock): number {
	const sum = (unit: SpanUnit) =>
		parts.reduce((total, p) => total + (p.unit === unit ? p.count : 0), 0);
	const [year, month, day, ofDay] = localFields(clock.now(), clock);
	const months = year * 12 + (month - 1) - sum("y") * 12 - sum("m");
	const y = Math.floor(months / 12);
	const m = months - y * 12;
	const lastDay = new Date(Date.UTC(y, m + 1, 0)).getUTCDate();
	const days = sum("d") + sum("w") * 7;
	const wall = Date.UTC(y, m, Math.min(day, lastDay) - days) + ofDay;
	const isClockOnly = parts.every((p) => p.unit in milliseconds);
	const start = isClockOnly ? clock.now() : wallToTime(wall, clock);
	return parts.reduce(
		(time, p) => time - p.count * (milliseconds[p.unit] ?? 0),
		start,
	);
}

/** Year, month, day and milliseconds since midnight, by the reader's clock. */
function localFields(
	time: number,
	clock: Clock,
): [number, number, number, number] {
	const local = new Date(time + clock.offsetMinutes(time) * 6e4);
	return [
		local.getUTCFullYear(),
		local.getUTCMonth() + 1,
		local.getUTCDate(),
		((local.getTime() % 864e5) + 864e5) % 864e5,
	];
}
