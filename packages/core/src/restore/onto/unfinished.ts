import { ConflictError } from "@varve/format";
import { startTicksOf } from "../../identity.ts";
import { type Holder, judgeHolder } from "../../judge-holder.ts";
import type { Identity } from "../../ports.ts";
import { codeOf } from "../../system.ts";
import type { TargetCalls } from "../target-calls.ts";
import type { Changes } from "./changes.ts";
import {
	bareBeside,
	type FoundJournal,
	journalsOf,
	wholeOf,
} from "./found-journals.ts";
import { keepingTime } from "./home-time.ts";
import { type HomeSpot, restoredPaths } from "./homes.ts";
import { JournalFolder } from "./journal-folder.ts";
import { Top } from "./tops.ts";

/** ConflictError "RESTORE_UNFINISHED" if an earlier restore here was neither finished nor taken back. */
export function requireNoJournal(homes: readonly HomeSpot[]): void {
	for (const path of restoredPaths(homes)) {
		const open = journalsOf(path).find(
			({ state }) => state === "begun" || state === "ready",
		);
		if (open === undefined) continue;
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

/** In ns: a restore that is just beginning has written something into its folder by then. */
const bareFor = 60_000_000_000n;

export interface Retiring {
	/** Of the journal that stays. */
	readonly id: string;
	/** When it was written, in ns. */
	readonly since: bigint;
	/** Of the finished journals that may go. undefined: all. */
	readonly retires?: readonly string[] | undefined;
}

/**
 * Removes journals by which earlier restores of the same (by their paths) could have been taken back: only the last one can. What
 * cannot be removed is of no more use.
 */
export function retireJournals(
	paths: readonly string[],
	{ id, since, retires }: Retiring,
	{
		changes,
		calls,
	}: { readonly changes: Changes; readonly calls: TargetCalls },
): void {
	for (const path of paths) {
		const bare = bareBeside(path).filter(
			({ changed }) => changed + bareFor < since,
		);
		const known = journalsOf(path);
		// Without one of its parts, what a journal says cannot be taken back any more.
		const all = new Set([...known.flatMap(wholeOf), ...known, ...bare]);
		for (const found of all) {
			if (found.id === id || !found.isOwn) continue;
			if (found.state === "begun" || found.state === "ready") continue;
			if (found.state === "done" && retires?.includes(found.id) === false)
				continue;
			try {
				retire(found, { changes, calls });
			} catch (error) {
				if (codeOf(error) === undefined) throw error;
			}
		}
	}
}

function retire(
	{ home, id, state, isPart }: FoundJournal,
	{
		changes,
		calls,
	}: { readonly changes: Changes; readonly calls: TargetCalls },
): void {
	const spot = { top: new Top(home, calls.openAt), suffix: "" };
	try {
		keepingTime(spot, calls, () => {
			const folder = JournalFolder.open(id, spot, changes);
			if (state === "done" && !isPart) folder.become("done", "over");
			folder.remove();
		});
	} finally {
		spot.top.close();
	}
}
