import {
	type FinishReport,
	type OntoOptions,
	type Repository,
	restoreOnto,
} from "@varve/core";
import { conflictAsker } from "./ask-conflict.ts";
import { noteRestore } from "./last-restore.ts";
import {
	finishAccount,
	finishExitCode,
	finishSummary,
	ontoAccount,
	ontoExitCode,
	ontoSummary,
	planFields,
	planLine,
} from "./onto-account.ts";
import type { Session } from "./session.ts";

/** Restores onto what is there and tells of it: a dry run the plan, line by line. Resolves to the exit code. */
export async function runOnto(
	session: Session,
	repository: Repository,
	options: OntoOptions,
): Promise<number> {
	const { report, screen, signal } = session;
	let lines = 0;
	const result = await restoreOnto(repository, {
		...options,
		ask: conflictAsker(session),
		onHome: (path) => noteRestore(session, path),
		onPlan:
			options.dryRun === true
				? async (line) => {
						report.message("plan", () => planFields(line));
						report.line(() => planLine(line));
						if (++lines % 256 === 0) await screen.room(signal);
					}
				: undefined,
	});
	report.message("summary", ontoSummary(result));
	report.account(ontoAccount(result));
	return ontoExitCode(result);
}

/** The exit code. */
export function tellFinished(
	{ report }: Session,
	finished: FinishReport,
): number {
	report.message("summary", finishSummary(finished));
	report.account(finishAccount(finished));
	return finishExitCode(finished);
}
