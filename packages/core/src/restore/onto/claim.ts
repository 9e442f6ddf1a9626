import { randomBytes } from "node:crypto";
import { ConflictError } from "@varve/format";
import { startTicksOf } from "../../identity.ts";
import { type Holder, holderOf, judgeHolder } from "../../judge-holder.ts";
import type { Identity } from "../../ports.ts";
import { codeOf } from "../../system.ts";
import { type FoundJournal, journalsOf } from "./found-journals.ts";
import type { JournalFolder } from "./journal-folder.ts";

/** The finished journals that were there before a plan was made: what came after them the plan knows nothing of. */
export class EarlierJournals {
	readonly #paths: ReadonlySet<string>;
	readonly #ids: ReadonlySet<string>;
	/** In ns since 1970. */
	readonly #planned: bigint;

	/** To be made before the plan; `now` in ms since 1970. */
	constructor(paths: readonly string[], now: number) {
		this.#paths = new Set(paths);
		this.#ids = new Set(paths.flatMap(journalsOf).filter(isDone).map(idOf));
		this.#planned = BigInt(Math.floor(now)) * 1_000_000n;
	}

	/** Ids, with those of directories that only the plan has led to. */
	idsWith(paths: readonly string[]): readonly string[] {
		const more = paths
			.filter((path) => !this.#paths.has(path))
			.flatMap(journalsOf)
			.filter((found) => isDone(found) && found.changed < this.#planned);
		return [...new Set([...this.#ids, ...more.map(idOf)])];
	}

	/**
	 * To be called when the own folders say that this restore has begun: of two that begin at once at least one then sees the other.
	 * ConflictError "LOCKED" if another one is unfinished, or has ended since the plan was made.
	 */
	requireAlone(own: string, paths: readonly string[]): void {
		for (const path of new Set([...this.#paths, ...paths])) {
			const isNew = (found: FoundJournal) =>
				this.#paths.has(path) && isDone(found) && !this.#ids.has(found.id);
			const other = journalsOf(path).find(
				(found) => found.id !== own && (isUnfinished(found) || isNew(found)),
			);
			if (other === undefined) continue;
			throw new ConflictError(
				"LOCKED",
				`another restore into ${path} has begun or ended meanwhile: nothing was changed by this one`,
				{ path, journal: other.id },
			);
		}
	}
}

const claimPrefix = "claim-";

/**
 * Takes the right to finish the restore of a journal, or to take it back. Of several who want it at the same time at most one gets it: each says so
 * first, and then looks for others. Who was killed is in nobody's way. Returns what gives the right back. ConflictError "LOCKED".
 */
export function claimJournal(
	folder: JournalFolder,
	here: Identity,
	path: string,
): () => void {
	const own = `${claimPrefix}${randomBytes(8).toString("hex")}`;
	const release = () => folder.dropNote(own);
	try {
		noteIfRoom(folder, own, JSON.stringify(holderOf(here)));
		for (const name of folder.names)
			if (/^claim-[0-9a-f]+$/.test(name) && name !== own)
				requireDead(folder, name, { here, path });
	} catch (error) {
		release();
		if (codeOf(error) === "ENOENT") throw endedMeanwhile(path);
		throw error;
	}
	return release;
}

/** Where there is no room for it, others do not see this one: but to take a restore back may be what makes room. */
function noteIfRoom(folder: JournalFolder, name: string, text: string): void {
	try {
		folder.note(name, [text]);
	} catch (error) {
		const code = codeOf(error) ?? "";
		if (code !== "ENOSPC" && code !== "EDQUOT") throw error;
	}
}

function requireDead(
	folder: JournalFolder,
	name: string,
	{ here, path }: { readonly here: Identity; readonly path: string },
): void {
	const text = folder.noted(name);
	if (text === undefined) return;
	const holder: Holder = JSON.parse(text);
	if (judgeHolder(holder, here, startTicksOf) === "running")
		throw new ConflictError(
			"LOCKED",
			`process ${holder.pid} is finishing the restore into ${path}, or taking it back: nothing was changed by this one`,
			{ path, pid: holder.pid },
		);
	folder.dropNote(name);
}

/** What was found is not there any more, or is something else by now. */
export function endedMeanwhile(path: string): ConflictError {
	return new ConflictError(
		"LOCKED",
		`the restore into ${path} was finished or taken back by somebody else meanwhile: nothing was changed by this one`,
		{ path },
	);
}

export function isUnfinished({ state }: FoundJournal): boolean {
	return state === "begun" || state === "ready";
}

function isDone({ state }: FoundJournal): boolean {
	return state === "done";
}

function idOf({ id }: FoundJournal): string {
	return id;
}
