import { codeOf } from "../system.ts";
import type { Owners } from "./owners.ts";
import type { PartProblem, ProblemKind, RestoreReply } from "./tasks.ts";

export const lostOwner = "owner";
export const lostSetId = "set-id bits";
export const lostNanoseconds = "times below a microsecond";

/** What became of a batch. */
export class Tally {
	files = 0;
	bytes = 0;
	readonly #problems: PartProblem[] = [];
	readonly #losses: { [what: string]: number } = {};

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
			this.add(part, "unfaithful", code, (error as Error).message);
		}
	}

	count(what: string): void {
		this.#losses[what] = (this.#losses[what] ?? 0) + 1;
	}

	countLosses(owners: Owners): void {
		if (owners.lostOwner) this.count(lostOwner);
		if (owners.lostSetId) this.count(lostSetId);
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
