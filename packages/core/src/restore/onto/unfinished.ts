import { ConflictError } from "@varve/format";
import { startTicksOf } from "../../identity.ts";
import { type Holder, judgeHolder } from "../../judge-holder.ts";
import type { Identity } from "../../ports.ts";
import { codeOf } from "../../system.ts";
import type { TargetCalls } from "../target-calls.ts";
import type { Changes } from "./changes.ts";
import { keepingTime } from "./home-time.ts";
import type { Spot } from "./items.ts";
import { findJournals, JournalFolder } from "./journal-folder.ts";

/** ConflictError "RESTORE_UNFINISHED" if an earlier restore here was neither finished nor taken back. */
export function requireNoJournal(homes: readonly Spot[]): void {
	for (const { top, suffix } of homes) {
		const open = findJournals(top.path + suffix).find(
			({ state }) => state === "begun" || state === "ready",
		);
		if (open === undefined) continue;
		const path = top.display(suffix);
		throw new ConflictError(
			"RESTORE_UNFINISHED",
			`a restore into ${path} was not finished: restore --resume -t ${path} finishes it, restore --abort -t ${path} puts back what was there`,
			{ path, journal: open.id },
		);
	}
}

/** ConflictError "RESTORE_RUNNING" if the process that writes this journal is still at work. */
export function requireEnded(
	holder: Holder,
	here: Identity,
	path: string,
): void {
	const isSelf = holder.pid === here.pid && holder.bootId === here.bootId;
	if (isSelf || judgeHolder(holder, here, startTicksOf) !== "running") return;
	throw new ConflictError(
		"RESTORE_RUNNING",
		`process ${holder.pid} is restoring into ${path}: end it first`,
		{ path, pid: holder.pid },
	);
}

/** Removes journals by which earlier restores could have been taken back: only the last one can. What cannot be removed is of no more use. */
export function retireJournals(
	homes: readonly Spot[],
	current: string | undefined,
	{
		changes,
		calls,
	}: { readonly changes: Changes; readonly calls: TargetCalls },
): void {
	for (const home of homes)
		for (const found of findJournals(home.top.path + home.suffix)) {
			const { id, state, isPart, isOwn } = found;
			if (id === current || !isOwn) continue;
			if (state === "begun" || state === "ready") continue;
			keepingTime(home, calls, () => {
				try {
					const folder = JournalFolder.open(id, home, changes);
					if (state === "done" && !isPart) folder.become("done", "over");
					folder.remove();
				} catch (error) {
					if (codeOf(error) === undefined) throw error;
				}
			});
		}
}
