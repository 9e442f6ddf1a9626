import {
	afterCommit,
	forget,
	listSnapshots,
	planForget,
	type Repository,
	requireStoredPolicy,
	type SnapshotResult,
} from "@varve/core";
import { closingLines, forgetSummary, groupMessage } from "./forget-account.ts";
import type { Message } from "./json-line.ts";
import type { Session } from "./session.ts";
import { shortId } from "./short-id.ts";

export interface ForgetAfterFlags {
	readonly forget?: boolean;
	readonly forgetPolicy?: string;
}

/** The policy to go by after a snapshot, if any. */
function policyName({
	forget,
	forgetPolicy,
}: ForgetAfterFlags): string | undefined {
	return forgetPolicy ?? (forget === true ? "default" : undefined);
}

/** A policy that is not there is told before the snapshot is taken. */
export async function requirePolicyAfter(
	repository: Repository,
	flags: ForgetAfterFlags,
): Promise<void> {
	const name = policyName(flags);
	if (name !== undefined) await requireStoredPolicy(repository, name);
}

/**
 * Forgets what the policy does not keep, of the snapshots that are judged together with the new one. Returns what to add to the summary.
 * Nothing is forgotten if the new snapshot is not whole: older ones may be needed.
 */
export async function forgetAfter(
	session: Session,
	repository: Repository,
	{ id, record }: SnapshotResult,
	flags: ForgetAfterFlags,
): Promise<{ readonly message: Message; readonly lines: readonly string[] }> {
	const name = policyName(flags);
	if (name === undefined || id === undefined) return { message: {}, lines: [] };
	const { report, surroundings, signal } = session;
	if (record.unread.length > 0) {
		report.warning("nothing is forgotten, since the snapshot is not whole");
		return { message: {}, lines: [] };
	}
	try {
		const plan = planForget(await listSnapshots(repository), {
			...(await requireStoredPolicy(repository, name)),
			now: surroundings.now(),
			only: id,
		});
		for (const warning of plan.warnings) report.warning(warning);
		for (const group of plan.groups)
			report.message("group", () => groupMessage(group));
		const result = await forget(repository, plan, { signal });
		const account = { plan, result, freed: undefined };
		const { snapshots_kept, snapshots_forgotten } = forgetSummary(account);
		return {
			message: { snapshots_kept, snapshots_forgotten },
			lines: closingLines(account),
		};
	} catch (error) {
		// The snapshot stands, whatever becomes of older ones: that is another exit code than having none.
		throw afterCommit(
			error,
			({ message }) =>
				`the snapshot ${shortId(id)} is made, but nothing more could be forgotten: ${message}`,
		);
	}
}
