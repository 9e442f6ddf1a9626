import { contentLength, NodeKind } from "@varve/format";
import type { RestoreLog } from "./report.ts";
import type { Entry, NodeEntry } from "./walk.ts";

/** Counts what a restore would make. */
export function countEntries(
	entries: Iterable<Entry>,
	log: RestoreLog,
	isLinked: (entry: NodeEntry) => boolean,
): void {
	for (const entry of entries) {
		if (entry.type === "damaged") {
			const { code, message } = entry.error;
			log.problem(entry.suffix, { kind: "damaged", reason: code, message });
		} else if (entry.type === "directory") {
			log.directories++;
			log.restored(entry.suffix, 0);
		} else countNode(entry, log, isLinked(entry));
	}
}

function countNode(
	{ suffix, node }: NodeEntry,
	log: RestoreLog,
	isLinked: boolean,
): void {
	const bytes = isLinked ? 0 : contentLength(node.content);
	if (isLinked) log.hardLinks++;
	else if (node.kind === NodeKind.symlink) log.symlinks++;
	else if (node.kind === NodeKind.file) log.files++;
	else log.others++;
	log.bytes += bytes;
	log.restored(suffix, bytes);
}
