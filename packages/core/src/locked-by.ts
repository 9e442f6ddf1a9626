import { ConflictError } from "@varve/format";
import type { FoundLease } from "./lease-table.ts";

/** What is told to a command that cannot begin as long as another one works. */
export function lockedBy(
	{ record, lease }: FoundLease,
	command: string,
): ConflictError {
	const who =
		record === undefined
			? `the lease ${lease}, which cannot be read`
			: `${record.command} on ${record.host} (process ${record.pid}) since ${record.created}`;
	return new ConflictError(
		"LOCKED",
		`${command} cannot begin now: ${who} still works`,
		{ lease },
	);
}
