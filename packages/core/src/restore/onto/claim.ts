import { ConflictError } from "@varve/format";
import { type FoundJournal, journalsOf } from "./found-journals.ts";

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

export function isUnfinished({ state }: FoundJournal): boolean {
	return state === "begun" || state === "ready";
}

function isDone({ state }: FoundJournal): boolean {
	return state === "done";
}

function idOf({ id }: FoundJournal): string {
	return id;
}
