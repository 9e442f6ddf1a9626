import { createInterface } from "node:readline/promises";
import { InputError, type OpenConflict, type Resolution } from "@varve/core";
import type { Session } from "./session.ts";

const words: Readonly<Record<OpenConflict["conflict"], string>> = {
	newer: "was changed after the snapshot",
	kind: "is of another kind than in the snapshot",
	filled: "is a directory with something in it, and none in the snapshot",
};

const answers: Readonly<Record<string, Resolution>> = {
	s: "skip",
	o: "overwrite",
	k: "keep-both",
};

/** Asks on the terminal what to do about a conflict; in capitals an answer holds for all that follow. InputError "CANNOT_ASK" without one. */
export function conflictAsker(
	session: Session,
): (conflict: OpenConflict) => Promise<Resolution> {
	const { screen, surroundings, signal } = session;
	let all: Resolution | undefined;
	return async ({ path, conflict }) => {
		if (all !== undefined) return all;
		if ((surroundings.stdin as { isTTY?: boolean }).isTTY !== true)
			throw new InputError(
				"CANNOT_ASK",
				"there is no terminal to ask on: say what to do with --on-conflict skip, overwrite or keep-both",
			);
		screen.printError(`${path} ${words[conflict]}`);
		const lines = createInterface({
			input: surroundings.stdin,
			output: surroundings.stderr,
		});
		try {
			for (;;) {
				const line = await lines.question(
					"[s]kip, [o]verwrite or [k]eep both? (in capitals: for all that follow) ",
					{ signal },
				);
				const answer = answers[line.trim().toLowerCase()];
				if (answer === undefined) continue;
				if (line.trim() !== line.trim().toLowerCase()) all = answer;
				return answer;
			}
		} finally {
			lines.close();
		}
	};
}
