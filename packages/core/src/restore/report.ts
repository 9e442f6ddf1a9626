import type { SnapshotId } from "@varve/format";
import type { Observer } from "../events.ts";
import type { Losses, ProblemKind } from "./tasks.ts";

/** An entry that is not in the target as it was in the snapshot. */
export interface EntryProblem {
	/** Absolute path in the snapshot, as a path text. */
	readonly path: string;
	/** "damaged": the repository does not hold it any more. "unwritten": it could not be made. "unfaithful": an attribute is not as it was. */
	readonly kind: ProblemKind;
	/** A word of errno, or the code of what is wrong in the repository. */
	readonly reason: string;
	readonly message: string;
}

export interface RestoreReport {
	readonly snapshot: SnapshotId;
	/** Absolute. */
	readonly target: string;
	/** Nothing was written: the counts say what would have been. */
	readonly dryRun: boolean;
	/** Made. */
	readonly directories: number;
	readonly files: number;
	readonly symlinks: number;
	/** Further names of files that are counted already. */
	readonly hardLinks: number;
	/** FIFOs, sockets and devices. */
	readonly others: number;
	/** Content bytes. */
	readonly bytes: number;
	/** Files (by each of their names) and bytes read back and found equal; undefined if that was not asked for. */
	readonly verified:
		| { readonly files: number; readonly bytes: number }
		| undefined;
	readonly problems: readonly EntryProblem[];
	/** Kept in the snapshot, but not given back here: how many entries, by what. */
	readonly notRestored: Losses;
	readonly notes: readonly string[];
	/** Milliseconds. */
	readonly duration: number;
}

/** "damaged" if the repository lacks some of it; "unfaithful" if some of it is not as it was, or nothing matched what was asked for. */
export function restoreOutcome(
	report: RestoreReport,
): "whole" | "unfaithful" | "damaged" {
	if (report.problems.some((p) => p.kind === "damaged")) return "damaged";
	const { directories, files, symlinks, hardLinks, others } = report;
	const restored = directories + files + symlinks + hardLinks + others;
	return report.problems.length > 0 || restored === 0 ? "unfaithful" : "whole";
}

/** Reason of a problem with a pack that was listed and is gone. */
export const vanishedReason = "NO_FILE";

/** Gathers what becomes of a restore, and tells the observer. */
export class RestoreLog {
	directories = 0;
	files = 0;
	symlinks = 0;
	hardLinks = 0;
	others = 0;
	bytes = 0;
	readonly problems: EntryProblem[] = [];
	readonly notes: string[] = [];
	readonly notRestored: { [what: string]: number } = {};
	/** Suffixes of what is not in the target. */
	readonly absent = new Set<string>();
	readonly #lost = new Set<string>();
	#isLastGo = false;
	readonly #prefix: string;
	readonly #observer: Observer;

	/** `prefix` stands before a suffix to make the path in the snapshot. */
	constructor(prefix: string, observer: Observer) {
		this.#prefix = prefix;
		this.#observer = observer;
	}

	/** Someone wants to know of each entry. */
	get isDetailed(): boolean {
		return this.#observer.detail;
	}

	/** False if it is not told yet, because it is going to be tried again. */
	problem(
		suffix: string,
		{ kind, reason, message }: Omit<EntryProblem, "path">,
	): boolean {
		const path = this.pathOf(suffix);
		if (kind !== "unfaithful") this.absent.add(suffix);
		if (kind === "damaged" && reason === vanishedReason && !this.#isLastGo) {
			this.#lost.add(suffix);
			return false;
		}
		this.problems.push({ path, kind, reason, message });
		this.#observer.on({
			type: "entry-error",
			verb: "restore",
			path,
			reason,
			message,
		});
		return true;
	}

	/** Suffixes of what could not be read because its pack was gone, once: it is not absent any more, and told when it fails again. */
	takeLost(): ReadonlySet<string> {
		this.#isLastGo = true;
		for (const suffix of this.#lost) this.absent.delete(suffix);
		return this.#lost;
	}

	restored(suffix: string, bytes: number): void {
		if (!this.#observer.detail) return;
		const path = this.pathOf(suffix);
		const verb = "restore";
		this.#observer.on({ type: "entry", verb, path, action: "restored", bytes });
	}

	pathOf(suffix: string): string {
		return this.#prefix + suffix === "" ? "/" : this.#prefix + suffix;
	}

	lose(what: string, count = 1): void {
		if (count > 0)
			this.notRestored[what] = (this.notRestored[what] ?? 0) + count;
	}

	loseAll(losses: Losses): void {
		for (const [what, count] of Object.entries(losses)) this.lose(what, count);
	}

	note(text: string): void {
		if (this.notes.includes(text)) return;
		this.notes.push(text);
		this.#observer.on({ type: "warning", message: text });
	}
}
