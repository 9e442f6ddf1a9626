import type { SnapshotRecord } from "@varve/core";
import { formatCount, formatCounted } from "./units.ts";

type NotKept = SnapshotRecord["notKept"];

const words: Readonly<Record<string, string>> = {
	xattrs: "extended attributes, ACLs or capabilities",
};

/** Closing lines of a snapshot about what its entries have and it does not keep. */
export function notKeptLines(notKept: NotKept): string[] {
	return Object.entries(notKept).map(([what, count]) => {
		const verb = count === 1 ? "has" : "have";
		return `  ${formatCounted(count, "entry", "entries")} ${verb} ${words[what] ?? what}, which Varve does not keep yet: see docs/platforms.md`;
	});
}

/** The same in a list of a record's fields. */
export function notKeptPairs(
	notKept: NotKept,
): (readonly ["not kept", string])[] {
	return Object.entries(notKept).map(([what, count]) => [
		"not kept",
		`${words[what] ?? what} (${formatCount(count)})`,
	]);
}
