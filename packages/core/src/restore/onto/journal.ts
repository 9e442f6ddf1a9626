import { CorruptError } from "@varve/format";
import type { Holder } from "../../judge-holder.ts";
import type { OnConflict, Overwrite } from "./decide.ts";

/**
 * What a restore onto what is there is about to do, as lines of JSON: a header, a line for each step, and a last line with their number.
 * It is durable before the first step is taken. Each step is one call that the file system does whole or not at all, or can be
 * repeated; how far a killed restore came is read from what lies where, so that nothing more need be written.
 */
export interface Journal {
	readonly header: JournalHeader;
	readonly steps: readonly Step[];
}

export interface JournalHeader {
	readonly format: 1;
	readonly id: string;
	/** RFC 3339. */
	readonly created: string;
	readonly repository: string;
	readonly snapshot: string;
	/** The process that writes it. */
	readonly holder: Holder;
	readonly request: JournalRequest;
	/** Directories that are reached as their path leads, as path texts. */
	readonly tops: readonly string[];
	/** One directory on each file system that is restored to; the first holds the journal. */
	readonly homes: readonly Home[];
	/** Finished journals that were there before the plan was made: no other may go because of this restore. undefined: it does not say. */
	readonly retires?: readonly string[] | undefined;
}

/** What was asked for: enough to begin anew. */
export interface JournalRequest {
	/** undefined: in place. */
	readonly target: string | undefined;
	readonly subpath: string | undefined;
	readonly include: readonly string[];
	readonly exclude: readonly string[];
	readonly overwrite: Overwrite;
	readonly onConflict: OnConflict | undefined;
	readonly delete: boolean;
	readonly verify: boolean;
	/** The journal is kept when all is done, for undo. */
	readonly undo: boolean;
	readonly numericIds: boolean;
}

export interface Home {
	/** Index of the top it lies below. */
	readonly top: number;
	readonly suffix: string;
	/** Names in it of what is restored, beside which the folder lies. undefined: the home itself is restored, or a directory above it. */
	readonly of?: readonly string[] | undefined;
	/** From before the folder of the journal was made in it. */
	readonly attributes: KeptAttributes;
}

/** An entry: index of its top, and its suffix. */
export interface Place {
	readonly top: number;
	readonly suffix: string;
}

/** Index of a home, and a number. */
export interface Slot {
	readonly home: number;
	readonly number: number;
}

/** What was there when the plan was made: what is another thing by then is left alone. Decimal numbers; times in ns since 1970. */
export interface Was {
	readonly inode: string;
	readonly size: string;
	readonly mtime: string;
	readonly ctime: string;
	/** Names it had: those that are dealt with before may move its ctime. */
	readonly links: number;
}

export interface KeptAttributes {
	readonly mode: number;
	readonly uid: number;
	readonly gid: number;
	/** Seconds since 1970, rounded down, and nanoseconds. */
	readonly mtime: number;
	readonly mtimeNs: number;
	/** Names and values in base64; undefined if nobody could read them, and they are left alone. */
	readonly xattrs: readonly (readonly [string, string])[] | undefined;
}

/** What is made lies ready in its slot; what is replaced or deleted goes there. */
export type Step = PutStep | SwapStep | TakeStep | PatchStep | AttributesStep;

/** Slot to place: there was nothing. */
export interface PutStep {
	readonly do: "put";
	readonly place: Place;
	readonly slot: Slot;
	/** What lies in the slot. */
	readonly made: Was;
}

/** Slot and place change what they hold. */
export interface SwapStep {
	readonly do: "swap";
	readonly place: Place;
	readonly slot: Slot;
	readonly made: Was;
	readonly was: Was;
}

/** Place to slot: then there is nothing. */
export interface TakeStep {
	readonly do: "take";
	readonly place: Place;
	readonly slot: Slot;
	readonly was: Was;
}

/** Parts of a file are written in place. The slot holds the new bytes of all parts, and after them the old ones. */
export interface PatchStep {
	readonly do: "patch";
	readonly place: Place;
	readonly slot: Slot;
	readonly was: Was;
	/** Position and length of each part; ascending. */
	readonly parts: readonly (readonly [number, number])[];
	/** Bytes of the file before and after. Of the old bytes those past the end of the old file are missing. */
	readonly sizes: readonly [number, number];
	readonly before: KeptAttributes;
	readonly after: KeptAttributes;
}

/** A file or directory gets other attributes. */
export interface AttributesStep {
	readonly do: "attributes";
	readonly place: Place;
	readonly isDirectory: boolean;
	readonly was: Was;
	readonly before: KeptAttributes;
	readonly after: KeptAttributes;
}

export function encodeHeader(header: JournalHeader): string {
	return line(header);
}

/** Line by line: all of it may be longer than a text can be. */
export function* encodeJournal({ header, steps }: Journal): Generator<string> {
	yield line(header);
	for (const step of steps) yield line(step);
	yield line({ end: steps.length });
}

/** CorruptError "BAD_JOURNAL". */
export function decodeHeader(bytes: Uint8Array, path: string): JournalHeader {
	const [first = ""] = linesOf(bytes);
	const header = parse(first, path);
	if (!isHeader(header)) throw bad(path, "its first line is no header");
	return header;
}

/** CorruptError "BAD_JOURNAL" for one that is not whole. */
export function decodeJournal(bytes: Uint8Array, path: string): Journal {
	const header = decodeHeader(bytes, path);
	const steps: Step[] = [];
	let isFirst = true;
	for (const text of linesOf(bytes)) {
		if (!isFirst && text === line({ end: steps.length }).trimEnd())
			return { header, steps };
		if (!isFirst) steps.push(stepOf(text, path));
		isFirst = false;
	}
	throw bad(path, "its end is missing");
}

/** Whole lines, without their ends. */
function* linesOf(bytes: Uint8Array): Generator<string> {
	const buffer = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.length);
	for (let at = 0; ; ) {
		const end = buffer.indexOf("\n", at);
		if (end === -1) return;
		yield buffer.toString("utf8", at, end);
		at = end + 1;
	}
}

function stepOf(text: string, path: string): Step {
	const step = parse(text, path) as Step;
	const known = ["put", "swap", "take", "patch", "attributes"];
	if (!known.includes(step.do)) throw bad(path, "it has an unknown step");
	return step;
}

function isHeader(value: unknown): value is JournalHeader {
	const header = value as Partial<JournalHeader> | null;
	return (
		header?.format === 1 &&
		Array.isArray(header.tops) &&
		Array.isArray(header.homes) &&
		typeof header.holder === "object" &&
		typeof header.id === "string" &&
		typeof header.request === "object"
	);
}

/** Path texts may hold lone surrogates: JSON escapes them, and gives them back. */
function line(value: unknown): string {
	return `${JSON.stringify(value)}\n`;
}

function parse(text: string, path: string): unknown {
	try {
		return JSON.parse(text);
	} catch {
		throw bad(path, "it has a line that is no JSON");
	}
}

function bad(path: string, why: string): CorruptError {
	return new CorruptError(
		"BAD_JOURNAL",
		`the journal of a restore in ${path} cannot be read: ${why}`,
		{ path },
	);
}
