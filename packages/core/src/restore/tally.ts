import { codeOf } from "../system.ts";
import type { AttributeSink } from "./entry-attributes.ts";
import type { Owners } from "./owners.ts";
import { sayingOf } from "./target-tree.ts";
import type { PartProblem, ProblemKind, RestoreReply } from "./tasks.ts";

export const lostOwner = "owner";
export const lostSetId = "set-id bits";
export const lostNanoseconds = "times below a microsecond";

/** Of what `owners` has judged for an entry. */
export function countLosses(
	owners: Owners,
	lose: (what: string) => void,
): void {
	if (owners.lostOwner) lose(lostOwner);
	if (owners.lostSetId) lose(lostSetId);
}

/** What became of a batch. */
export class Tally {
	files = 0;
	bytes = 0;
	readonly #problems: PartProblem[] = [];
	readonly #losses: { [what: string]: number } = {};
	#part = -1;
	/** One for all files. */
	readonly #sink: AttributeSink = {
		attempt: (change) => this.attempt(this.#part, change),
		lose: (what) => this.count(what),
	};

	add(part: number, kind: ProblemKind, reason: string, message: string): void {
		this.#problems.push({ part, kind, reason, message });
	}

	/** Runs a change of attributes: what the system refuses leaves the file as it is, and is told. */
	attempt(part: number, change: () => void): void {
		try {
			change();
		} catch (error) {
			const code = codeOf(error);
			if (code === undefined) throw error;
			this.add(part, "unfaithful", code, sayingOf(error as Error));
		}
	}

	/** For the attributes of one part, until the next is asked for. */
	sinkOf(part: number): AttributeSink {
		this.#part = part;
		return this.#sink;
	}

	count(what: string): void {
		this.#losses[what] = (this.#losses[what] ?? 0) + 1;
	}

	countLosses(owners: Owners): void {
		countLosses(owners, (what) => this.count(what));
	}

	reply(id: number): RestoreReply {
		const { files, bytes } = this;
		return {
			id,
			files,
			bytes,
			problems: this.#problems,
			losses: this.#losses,
		};
	}
}
