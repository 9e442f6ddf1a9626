import {
	type BigIntStats,
	closeSync,
	constants,
	fstatSync,
	lstatSync,
	openSync,
	readdirSync,
	readFileSync,
	realpathSync,
	statSync,
} from "node:fs";
import { basename, dirname } from "node:path";
import { decodeName, VarveError } from "@varve/format";
import { isJournalName, journalPrefix } from "../../journal-folder.ts";
import { codeOf, systemPath } from "../../system.ts";
import { decodeHeader } from "./journal.ts";
import {
	belongsToMe,
	decodePart,
	type JournalState,
	partName,
	stateFiles,
} from "./journal-folder.ts";

export interface FoundJournal {
	/** The directory that the folder lies in, as a path text: "" for "/". */
	readonly home: string;
	readonly id: string;
	readonly state: JournalState;
	/** The journal itself is in the folder of another home. */
	readonly isPart: boolean;
	/** Of a part that is own: the path of that folder. */
	readonly first?: string;
	/** Nobody else can have written it: only then may anything be done because of what it says. */
	readonly isOwn: boolean;
	readonly owner: bigint;
	/** Names in the home of what is restored. undefined: the home itself is, or nobody can tell. */
	readonly of: readonly string[] | undefined;
	/** ctime of the folder, in ns since 1970. */
	readonly changed: bigint;
}

/** No header is longer, in bytes: what is is not read for what another user says. */
const longestHeader = 16 * 1024 * 1024;
const harmless =
	constants.O_RDONLY | constants.O_NONBLOCK | (constants.O_NOFOLLOW ?? 0);

/** The journals that speak of something (a path): beside it, or in it. */
export function journalsOf(path: string): readonly FoundJournal[] {
	const owner = ownerOf(path);
	const beside = placesOf(path).flatMap(({ home, name }) =>
		findJournals(home).filter(
			// Whom the directory belongs to could have put a journal into it, too. Others have no say.
			({ of, isOwn, owner: by }) =>
				of?.includes(name) === true && (isOwn || by === owner),
		),
	);
	const within = findJournals(path === "/" ? "" : path);
	return [...beside, ...within.filter(({ of }) => of === undefined)];
}

/** The journal itself: of a part, the one in the folder of the first home, if it is there. */
export function wholeOf(found: FoundJournal): readonly FoundJournal[] {
	const { isPart, first, id } = found;
	if (!isPart) return [found];
	if (first === undefined) return [];
	const home = trimmed(dirname(first));
	return findJournals(home).filter((one) => one.id === id && !one.isPart);
}

/** Folders beside it in which nothing has been written: whose they are, nobody can say. */
export function bareBeside(path: string): readonly FoundJournal[] {
	return placesOf(path).flatMap(({ home }) =>
		findJournals(home).filter((found) => found.state === "bare"),
	);
}

/** Where something lies, and under which name there; two places if it is reached through a link. */
function placesOf(path: string): readonly Place[] {
	const places = [placeOf(path), realPlaceOf(path)];
	return places.filter(
		(place, index): place is Place =>
			place !== undefined &&
			places.findIndex(
				(other) => other?.home === place.home && other.name === place.name,
			) === index,
	);
}

interface Place {
	/** Without links, "" for "/". */
	readonly home: string;
	readonly name: string;
}

/** Where a path leads, through links. undefined for "/", and where there is nothing. */
export function realPlaceOf(path: string): Place | undefined {
	const real = realPath(path);
	if (real === undefined || real === "/") return undefined;
	return { home: trimmed(dirname(real)), name: basename(real) };
}

function placeOf(path: string): Place | undefined {
	const home = realPath(dirname(path));
	const name = basename(path);
	return home === undefined || name === ""
		? undefined
		: { home: trimmed(home), name };
}

function trimmed(path: string): string {
	return path === "/" ? "" : path;
}

function realPath(path: string): string | undefined {
	try {
		const bytes = realpathSync.native(systemPath(path || "/"), {
			encoding: "buffer",
		});
		return decodeName(Uint8Array.from(bytes));
	} catch (error) {
		if (codeOf(error) === undefined) throw error;
		return undefined;
	}
}

function ownerOf(path: string): bigint | undefined {
	try {
		return statSync(systemPath(path || "/"), { bigint: true }).uid;
	} catch (error) {
		if (codeOf(error) === undefined) throw error;
		return undefined;
	}
}

/** The journals in a directory (a path text, "" for "/"). None where it cannot be read, or is not there. */
export function findJournals(directory: string): readonly FoundJournal[] {
	return namesIn(directory)
		.filter(isJournalName)
		.flatMap((name): FoundJournal[] => {
			const path = `${directory}/${name}`;
			const stat = statOf(path);
			if (stat?.isDirectory() !== true) return [];
			const names = namesIn(path);
			const isPart = names.includes(partName);
			const found = {
				home: directory,
				id: name.slice(journalPrefix.length),
				isPart,
				isOwn: belongsToMe(stat),
				owner: stat.uid,
				changed: stat.ctimeNs,
			};
			if (!isPart)
				return [{ ...found, state: stateOf(names), of: namesOf(path) }];
			if (!found.isOwn)
				return [{ ...found, state: stateOf(names), of: undefined }];
			const text = readFileSync(systemPath(`${path}/${partName}`), "utf8");
			const { first, of } = decodePart(text);
			return [{ ...found, state: stateOf(namesIn(first)), of, first }];
		});
}

/** undefined, too, where the header cannot be read: then it is taken for one of the directory it lies in. */
function namesOf(path: string): readonly string[] | undefined {
	try {
		const bytes = readHarmlessly(`${path}/${stateFiles.begun}`);
		return bytes && decodeHeader(bytes, path).homes[0]?.of;
	} catch (error) {
		if (codeOf(error) === undefined && !(error instanceof VarveError))
			throw error;
		return undefined;
	}
}

/** It may be another user's, and anything. */
function readHarmlessly(path: string): Uint8Array | undefined {
	const fd = openSync(systemPath(path), harmless);
	try {
		const stat = fstatSync(fd);
		if (!stat.isFile() || stat.size > longestHeader) return undefined;
		return readFileSync(fd);
	} finally {
		closeSync(fd);
	}
}

/** A file that a state has left behind is taken away only after that of the next one has come. */
export function stateOf(names: readonly string[]): JournalState {
	for (const state of ["over", "done", "ready", "begun"] as const)
		if (names.includes(stateFiles[state])) return state;
	return "bare";
}

function namesIn(directory: string): readonly string[] {
	try {
		const names = readdirSync(systemPath(directory || "/"), {
			encoding: "buffer",
		});
		return names.map((bytes) => decodeName(Uint8Array.from(bytes)));
	} catch (error) {
		if (codeOf(error) === undefined) throw error;
		return [];
	}
}

function statOf(path: string): BigIntStats | undefined {
	return lstatSync(systemPath(path), { bigint: true, throwIfNoEntry: false });
}
