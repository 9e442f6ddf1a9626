import { InputError } from "@varve/format";
import { type Moment, parseMoment } from "./moment.ts";

/** How a user names a snapshot. */
export type Selector =
	/** Some first characters of an id, in lower case. */
	| { readonly kind: "id"; readonly prefix: string }
	/** 0 for the newest, 1 for the one before it. */
	| { readonly kind: "latest"; readonly back: number }
	| { readonly kind: "tag"; readonly tag: string }
	| { readonly kind: "commit"; readonly prefix: string }
	| {
			readonly kind: "version";
			readonly name: string;
			readonly version: string;
	  }
	/** The newest that is not younger. `prefix` if the text could begin an id as well. */
	| {
			readonly kind: "time";
			readonly moment: Moment;
			readonly prefix?: string;
	  };

/** SNAP or SNAP:path. */
export interface Selection {
	readonly selector: Selector;
	/** What a user wrote to name the snapshot. */
	readonly spec: string;
	/** Behind the colon; undefined if there is none. */
	readonly path: string | undefined;
}

/** So few characters can be meant as an id. */
export const minIdPrefix = 4;

/**
 * Reads SNAP or SNAP:path. Behind a tag, a commit or a version a path begins with "/", since those may have colons in them.
 * InputError (code "BAD_SELECTOR") for anything else.
 */
export function parseSelector(text: string): Selection {
	return (
		parseNamed(text) ??
		parseTime(text) ??
		parseLatest(text) ??
		parseId(text) ??
		fail(text)
	);
}

function parseNamed(text: string): Selection | undefined {
	const [, kind, behind] = /^(tag|commit|version):(.*)$/s.exec(text) ?? [];
	if (kind === undefined || behind === undefined) return undefined;
	const at = behind.indexOf(":/");
	const value = at < 0 ? behind : behind.slice(0, at);
	const path = at < 0 ? undefined : behind.slice(at + 1);
	const selector = namedSelector(kind, value) ?? fail(text);
	return { selector, spec: `${kind}:${value}`, path };
}

function namedSelector(kind: string, value: string): Selector | undefined {
	if (value === "") return undefined;
	if (kind === "tag") return { kind, tag: value };
	if (kind === "commit") {
		const isPrefix = /^[0-9a-f]{4,64}$/i.test(value);
		return isPrefix ? { kind, prefix: value.toLowerCase() } : undefined;
	}
	const [, name, version] = /^([^=]+)=(.+)$/s.exec(value) ?? [];
	if (name === undefined || version === undefined) return undefined;
	return { kind: "version", name, version };
}

function parseTime(text: string): Selection | undefined {
	const parsed = parseMoment(text);
	if (parsed === undefined) return undefined;
	const { moment, rest } = parsed;
	const spec = text.slice(0, text.length - rest.length);
	const selector: Selector = isIdPrefix(spec)
		? { kind: "time", moment, prefix: spec }
		: { kind: "time", moment };
	return { selector, spec, path: pathIn(rest) };
}

function parseLatest(text: string): Selection | undefined {
	const match = /^latest(?:~(\d{1,9})?)?(?=:|$)/.exec(text);
	if (match === null) return undefined;
	const steps = match[0].includes("~") ? (match[1] ?? "1") : "0";
	const path = pathIn(text.slice(match[0].length));
	return {
		selector: { kind: "latest", back: Number(steps) },
		spec: match[0],
		path,
	};
}

function parseId(text: string): Selection | undefined {
	const spec = text.split(":", 1)[0] as string;
	const prefix = spec.toLowerCase();
	if (!isIdPrefix(prefix)) return undefined;
	const path = pathIn(text.slice(spec.length));
	return { selector: { kind: "id", prefix }, spec, path };
}

function isIdPrefix(text: string): boolean {
	return /^[0-9a-f]{4,64}$/.test(text);
}

/** ":path"; an empty path means all. */
function pathIn(rest: string): string | undefined {
	return rest.length > 1 ? rest.slice(1) : undefined;
}

function fail(text: string): never {
	throw new InputError(
		"BAD_SELECTOR",
		`"${text}" names no snapshot: write ${minIdPrefix} or more characters of an id, latest, latest~2, tag:NAME, commit:ID, version:NAME=VERSION, or a time like 2026-11-19, 2026-11-19T14:00, 3d or yesterday`,
		{ selector: text },
	);
}
