import { createInterface, type Interface } from "node:readline/promises";
import {
	ConflictError,
	InputError,
	type OpenConflict,
	type Resolution,
} from "@varve/core";
import { Interrupted } from "./interrupted.ts";
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

/** Asks on the terminal what to do about a conflict; in capitals an answer holds for all that follow. InputError "CANNOT_ASK" without one; ConflictError "NO_ANSWER" at its end (Ctrl-D). */
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
		const ended = endOf(lines, signal);
		try {
			for (;;) {
				const line = await lines.question(
					"[s]kip, [o]verwrite or [k]eep both? (in capitals: for all that follow) ",
					{ signal: ended },
				);
				const answer = answers[line.trim().toLowerCase()];
				if (answer === undefined) continue;
				if (line.trim() !== line.trim().toLowerCase()) all = answer;
				return answer;
			}
		} catch (error) {
			throw ended.aborted ? ended.reason : error;
		} finally {
			lines.close();
		}
	};
}

/** Aborted when nobody answers any more. Ctrl-C on a terminal that is read by line is no signal of the system. */
function endOf(lines: Interface, signal: AbortSignal): AbortSignal {
	const ended = new AbortController();
	lines.once("close", () =>
		ended.abort(
			new ConflictError(
				"NO_ANSWER",
				"the input ended before all conflicts were answered: nothing was changed",
			),
		),
	);
	lines.once("SIGINT", () => ended.abort(new Interrupted("SIGINT")));
	return AbortSignal.any([ended.signal, signal]);
}
