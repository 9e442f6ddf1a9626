import type { Bytes } from "./bytes.ts";
import { requireFeatures } from "./features.ts";
import type { Fields } from "./fields.ts";
import {
	decodeChecked,
	encodeChecked,
	type Json,
	type Sha256Hex,
} from "./json.ts";

/** Periods of which a rule keeps the newest snapshot of each. */
export const periods = [
	"Hourly",
	"Daily",
	"Weekly",
	"Monthly",
	"Yearly",
] as const;
export type PeriodName = (typeof periods)[number];

/** At least 0 (the rule is off), or −1 for all. */
type Counts = {
	readonly [K in `keep${"Last" | PeriodName}`]?: number | undefined;
};
/** As "1y5m7d2h": years, months, days, hours. */
type Spans = {
	readonly [K in `keepWithin${"" | PeriodName}`]?: string | undefined;
};

/** Which snapshots of a group stay: those that any of these rules keeps. */
export interface Policy extends Counts, Spans {
	/** Each a list, joined by commas, of tags that are all there; one such list is enough. "" stands for no tags at all. */
	readonly keepTags?: readonly string[] | undefined;
}

/** Which snapshots are meant. What is not said does not count. */
export interface PolicyScope {
	/** Taken on one of these. */
	readonly hosts?: readonly string[] | undefined;
	/** Having each of these as a root. */
	readonly paths?: readonly string[] | undefined;
	/** As `keepTags`. */
	readonly tags?: readonly string[] | undefined;
}

/** A policy of its own for some snapshots, which form groups of their own then. */
export interface PolicyException extends PolicyScope {
	readonly policy: Policy;
}

/** Rules for all snapshots of a repository. */
export interface Retention {
	/** Fields of the record in which the snapshots of a group are equal. */
	readonly groupBy: readonly string[];
	/** For what no exception is made for. */
	readonly policy: Policy;
	/** The first that means a snapshot judges it. */
	readonly exceptions: readonly PolicyException[];
}

/** `policies/<name>.<uuid>`: the rules of this name from `time` on. Of several the last counts, in the order of time, then uuid. */
export interface StoredPolicy {
	/** As `isPolicyName` says. */
	readonly name: string;
	/** RFC 3339 in UTC with milliseconds. */
	readonly time: string;
	readonly host: string;
	readonly user: string;
	/** undefined: there are none of this name any more. */
	readonly retention: Retention | undefined;
}

export const isPolicyName = (name: string) =>
	/^[A-Za-z0-9][A-Za-z0-9_-]{0,63}$/.test(name);

/** More than no time, in years, months, days and hours, each at most once and in this order. */
export const isDuration = (text: string) =>
	/^(?=.*[1-9])(?=\d)(\d{1,6}y)?(\d{1,6}m)?(\d{1,6}d)?(\d{1,6}h)?$/.test(text);

export const isKeepCount = (count: unknown) =>
	Number.isSafeInteger(count) && (count as number) >= -1;

export const groupFields = ["host", "paths", "tags"] as const;
export type GroupField = (typeof groupFields)[number];

export const countRules = [
	"keepLast",
	...periods.map((period) => `keep${period}` as const),
] as const;
export const spanRules = [
	"keepWithin",
	...periods.map((period) => `keepWithin${period}` as const),
] as const;

export function encodePolicy(stored: StoredPolicy, sha256: Sha256Hex): Bytes {
	return encodeChecked(
		stored as unknown as { readonly [key: string]: Json | undefined },
		sha256,
	);
}

/** Throws UnsupportedError for a rule it does not know: who left it out would keep less than was asked for. */
export function decodePolicy(bytes: Bytes, sha256: Sha256Hex): StoredPolicy {
	const f = decodeChecked(bytes, "policy", sha256);
	const name = f.string("name");
	if (!isPolicyName(name)) f.fail("name", "the name of a policy");
	return {
		name,
		time: f.time("time"),
		host: f.string("host"),
		user: f.string("user"),
		retention: f.has("retention")
			? decodeRetention(f.fields("retention"))
			: undefined,
	};
}

function decodeRetention(f: Fields): Retention {
	requireKnown(f, ["groupBy", "policy", "exceptions"]);
	const groupBy = f.strings("groupBy");
	const strange = groupBy.find((field) => !isGroupField(field));
	if (strange !== undefined) requireFeatures([`group-${strange}`], "a policy");
	return {
		groupBy,
		policy: decodeRules(f.fields("policy")),
		exceptions: f.fieldsList("exceptions").map(decodeException),
	};
}

export const isGroupField = (field: string): field is GroupField =>
	(groupFields as readonly string[]).includes(field);

function decodeException(f: Fields): PolicyException {
	requireKnown(f, ["hosts", "paths", "tags", "policy"]);
	return {
		...listOf(f, "hosts"),
		...listOf(f, "paths"),
		...listOf(f, "tags"),
		policy: decodeRules(f.fields("policy")),
	};
}

function decodeRules(f: Fields): Policy {
	requireKnown(f, [...countRules, ...spanRules, "keepTags"]);
	const counts = countRules
		.filter((rule) => f.has(rule))
		.map((rule) => {
			return [rule, f.integer(rule, { least: -1 })];
		});
	const spans = spanRules
		.filter((rule) => f.has(rule))
		.map((rule) => {
			const span = f.string(rule);
			return [rule, isDuration(span) ? span : f.fail(rule, "a duration")];
		});
	return {
		...Object.fromEntries([...counts, ...spans]),
		...listOf(f, "keepTags"),
	};
}

function listOf(f: Fields, key: string): { [key: string]: readonly string[] } {
	return f.has(key) ? { [key]: f.strings(key) } : {};
}

function requireKnown(f: Fields, known: readonly string[]): void {
	for (const key of Object.keys(f.value))
		if (!known.includes(key))
			requireFeatures([`policy-${key.toLowerCase()}`], "a policy");
}
