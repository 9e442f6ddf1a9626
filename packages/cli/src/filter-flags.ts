import type { SnapshotFilter } from "@varve/core";
import type { Command } from "commander";
import { gather } from "./option-values.ts";

/** Options that narrow the choice of snapshots. */
export interface FilterFlags {
	readonly host?: readonly string[];
	readonly path?: readonly string[];
	readonly tag?: readonly string[];
}

export function addFilterFlags(command: Command): Command {
	return command
		.option("-H, --host <name>", "only snapshots of this host", gather)
		.option("--path <path>", "only snapshots of this path", gather)
		.option(
			"--tag <tags>",
			"only snapshots with this tag, or, as a,b, with all of these",
			gather,
		);
}

export function filterOf({ host, path, tag }: FilterFlags): SnapshotFilter {
	return { hosts: host, paths: path, tags: tag };
}

/** True if anything was narrowed. */
export function isNarrowed({ host, path, tag }: FilterFlags): boolean {
	return host !== undefined || path !== undefined || tag !== undefined;
}
