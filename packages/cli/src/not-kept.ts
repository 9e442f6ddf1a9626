import type { SnapshotRecord } from "@varve/core";
import { formatCount, formatCounted } from "./units.ts";

type NotKept = SnapshotRecord["notKept"];

interface Words {
	/** Of one entry and of many. */
	readonly verbs: readonly [string, string];
	readonly what: string;
	readonly why: string;
}

const attributes = "extended attributes, ACLs or capabilities";
const words: Readonly<Record<string, Words>> = {
	xattrs: {
		verbs: ["has", "have"],
		what: attributes,
		why: "which could not be read",
	},
	"xattrs-unseen": {
		verbs: ["may have", "may have"],
		what: attributes,
		why: "which cannot be read on this machine",
	},
};

/** Closing lines of a snapshot about what its entries have and it does not keep. */
export function notKeptLines(notKept: NotKept): string[] {
	return Object.entries(notKept).map(([kind, count]) => {
		const { verbs, what, why } = wordsOf(kind);
		const verb = verbs[count === 1 ? 0 : 1];
		return `  ${formatCounted(count, "entry", "entries")} ${verb} ${what}, ${why}: not kept, see docs/platforms.md`;
	});
}

/** The same in a list of a record's fields. */
export function notKeptPairs(
	notKept: NotKept,
): (readonly ["not kept", string])[] {
	return Object.entries(notKept).map(([kind, count]) => [
		"not kept",
		`${wordsOf(kind).what} (${formatCount(count)})`,
	]);
}

/** A newer program may have named more. */
function wordsOf(kind: string): Words {
	return (
		words[kind] ?? {
			verbs: ["has", "have"],
			what: kind,
			why: "which could not be kept",
		}
	);
}
