import {
	countRules,
	type GroupField,
	groupFields,
	InputError,
	isDuration,
	isGroupField,
	isKeepCount,
	type Policy,
	spanRules,
} from "@varve/format";

/** A length of time by the calendar. */
export interface Duration {
	readonly years: number;
	readonly months: number;
	readonly days: number;
	readonly hours: number;
}

/** "1y5m7d2h": InputError (code "BAD_POLICY") for anything else, and for no time at all. */
export function parseDuration(text: string): Duration {
	if (!isDuration(text))
		throw badPolicy(
			`"${text}" is not a duration: write years, months, days and hours as in 1y5m7d2h, or some of them`,
		);
	const count = (unit: string) =>
		Number(new RegExp(`(\\d+)${unit}`).exec(text)?.[1] ?? 0);
	return {
		years: count("y"),
		months: count("m"),
		days: count("d"),
		hours: count("h"),
	};
}

/** "7", "-1" or "unlimited". InputError (code "BAD_POLICY") for anything else. */
export function parseKeepCount(text: string): number {
	if (text === "unlimited" || text === "-1") return -1;
	if (/^\d{1,9}$/.test(text)) return Number(text);
	throw badPolicy(
		`"${text}" does not say how many to keep: write a number, or -1 or unlimited for all`,
	);
}

/** Fields joined by commas; none for one group of all. InputError (code "BAD_POLICY") for an unknown one. */
export function parseGroupBy(text: string): GroupField[] {
	const words = text.split(",").filter((word) => word !== "");
	for (const word of words) requireGroupField(word);
	return groupFields.filter((field) => words.includes(field));
}

export function requireGroupField(field: string): GroupField {
	if (isGroupField(field)) return field;
	throw badPolicy(
		`snapshots are not grouped by "${field}", but by ${groupFields.join(", ")}`,
	);
}

/** What a caller from outside may have got wrong: InputError (code "BAD_POLICY"). */
export function requirePolicy(policy: Policy): Policy {
	const known: readonly string[] = [...countRules, ...spanRules, "keepTags"];
	const strange = Object.keys(policy).find((key) => !known.includes(key));
	if (strange !== undefined) throw badPolicy(`a policy has no rule ${strange}`);
	for (const rule of countRules) {
		const count = policy[rule];
		if (count !== undefined && !isKeepCount(count))
			throw badPolicy(`${flagOf(rule)} takes a count or -1, not ${count}`);
	}
	for (const rule of spanRules) {
		const span = policy[rule];
		if (span !== undefined) parseDuration(span);
	}
	return policy;
}

/** True for a policy without a rule that could keep anything. */
export function isEmptyPolicy(policy: Policy): boolean {
	return (
		countRules.every((rule) => (policy[rule] ?? 0) === 0) &&
		spanRules.every((rule) => policy[rule] === undefined) &&
		(policy.keepTags ?? []).length === 0
	);
}

/** "keep-daily 7, keep-within 2m": the rules of a policy as flags are written. */
export function describePolicy(policy: Policy): string {
	const counts = countRules
		.filter((rule) => (policy[rule] ?? 0) !== 0)
		.map((rule) => `${flagOf(rule)} ${countText(policy[rule] as number)}`);
	const spans = spanRules
		.filter((rule) => policy[rule] !== undefined)
		.map((rule) => `${flagOf(rule)} ${policy[rule]}`);
	const tags = (policy.keepTags ?? []).map(
		(list) => `keep-tag ${list === "" ? '""' : list}`,
	);
	return [...counts, ...spans, ...tags].join(", ") || "nothing";
}

const countText = (count: number) => (count === -1 ? "unlimited" : count);

/** "keepWithinDaily": "keep-within-daily". */
export const flagOf = (rule: string) =>
	rule.replace(/[A-Z]/g, (letter) => `-${letter.toLowerCase()}`);

export function badPolicy(message: string): InputError {
	return new InputError("BAD_POLICY", message);
}
