import {
	defaultGroupBy,
	InputError,
	type Policy,
	type PolicyException,
	parseDuration,
	parseGroupBy,
	parseKeepCount,
	type Retention,
} from "@varve/core";
import { type Command, InvalidArgumentError } from "commander";
import { gather } from "./option-values.ts";

const periods = ["hourly", "daily", "weekly", "monthly", "yearly"] as const;

/** Options that say which snapshots stay. */
export interface PolicyFlags extends Policy {
	/** As `Policy.keepTags`. */
	readonly keepTag?: readonly string[];
	readonly for?: readonly PolicyException[];
	readonly groupBy?: readonly string[];
}

export function addPolicyFlags(command: Command): void {
	command.option("--keep-last <n>", "keep the newest n; -1 for all", keepCount);
	for (const period of periods)
		command.option(
			`--keep-${period} <n>`,
			`keep the newest of each of the last n ${unitOf(period)}s that have any`,
			keepCount,
		);
	command.option(
		"--keep-within <duration>",
		"keep what is younger than the newest by less, as 1y5m7d2h",
		keepSpan,
	);
	for (const period of periods)
		command.option(
			`--keep-within-${period} <duration>`,
			`of what is so young, keep the newest of each ${unitOf(period)}`,
			keepSpan,
		);
	command
		.option(
			"--keep-tag <tags>",
			'keep what has this tag, or, as a,b, all of these; "" for no tags',
			gather,
		)
		.option(
			"--for <rules>",
			"rules of their own for some snapshots, as 'tag=templates keep-last=2'; host=, path= and tag= say for which",
			gatherException,
		)
		.option(
			"-g, --group-by <fields>",
			"judge snapshots apart that differ in these: host, paths, tags, or '' for none (default: host,paths)",
			(value) => valued(() => parseGroupBy(value)),
		);
}

function unitOf(period: (typeof periods)[number]): string {
	return period === "daily" ? "day" : period.replace(/ly$/, "");
}

const keepCount = (value: string) => valued(() => parseKeepCount(value));

function keepSpan(value: string): string {
	valued(() => parseDuration(value));
	return value;
}

/** What the core says of a wrong value, said with the option's name. */
function valued<T>(parse: () => T): T {
	try {
		return parse();
	} catch (error) {
		if (!(error instanceof InputError)) throw error;
		throw new InvalidArgumentError(`${error.message}.`);
	}
}

const countNames = ["last", ...periods] as const;
const spanNames = [
	"within",
	...periods.map((period) => `within-${period}` as const),
] as const;

/** The rules that the flags say. */
export function retentionOf(flags: PolicyFlags): Retention {
	return {
		groupBy: flags.groupBy ?? defaultGroupBy,
		policy: policyOf(flags),
		exceptions: flags.for ?? [],
	};
}

/** True if any flag says what to keep. */
export function saysPolicy(flags: PolicyFlags): boolean {
	const { policy } = retentionOf(flags);
	return Object.keys(policy).length > 0 || flags.for !== undefined;
}

function policyOf(flags: PolicyFlags): Policy {
	const rules = [...countNames, ...spanNames].map((name) => {
		const key = keyOf(`keep-${name}`) as keyof PolicyFlags;
		return [key, flags[key]] as const;
	});
	const { keepTag } = flags;
	return {
		...Object.fromEntries(rules.filter(([, value]) => value !== undefined)),
		...(keepTag === undefined ? {} : { keepTags: keepTag }),
	};
}

/** "keep-within-daily": "keepWithinDaily". */
const keyOf = (flag: string) =>
	flag.replace(/-([a-z])/g, (_, letter: string) => letter.toUpperCase());

function gatherException(
	value: string,
	previous: readonly PolicyException[] | undefined,
): readonly PolicyException[] {
	return [...(previous ?? []), valued(() => parseException(value))];
}

const selecting = { host: "hosts", path: "paths", tag: "tags" } as const;
const word = /(?:^|\s+)(host|path|tag|keep-[a-z-]+)=/;

/** "path=/srv/my templates keep-last=2": values end where the next word begins. InputError (code "BAD_POLICY") for anything else. */
export function parseException(text: string): PolicyException {
	const [before = "", ...parts] = text.trim().split(word);
	const scope: Record<string, string[]> = {};
	const rules: Record<string, number | string | string[]> = {};
	for (let i = 0; i < parts.length; i += 2) {
		const name = parts[i] as string;
		const value = (parts[i + 1] as string).trim();
		if (name in selecting) {
			const key = selecting[name as keyof typeof selecting];
			scope[key] = [...(scope[key] ?? []), value];
		} else addRule(rules, name, value);
	}
	if (before !== "" || parts.length === 0)
		throw badException(text, "it begins with host=, path=, tag= or keep-…=");
	if (Object.keys(scope).length === 0)
		throw badException(text, "host=, path= or tag= says for which snapshots");
	if (Object.keys(rules).length === 0)
		throw badException(text, "keep-last= or another rule says what to keep");
	return { ...scope, policy: rules };
}

function addRule(
	rules: Record<string, number | string | string[]>,
	name: string,
	value: string,
): void {
	const bare = name.slice("keep-".length);
	if (bare === "tag") {
		const before = (rules["keepTags"] ?? []) as string[];
		rules["keepTags"] = [...before, value];
	} else if ((countNames as readonly string[]).includes(bare))
		rules[keyOf(name)] = parseKeepCount(value);
	else if ((spanNames as readonly string[]).includes(bare)) {
		parseDuration(value);
		rules[keyOf(name)] = value;
	} else throw badException(name, "there is no such rule");
}

function badException(text: string, why: string): InputError {
	return new InputError("BAD_POLICY", `"${text}" is no rule: ${why}`);
}
