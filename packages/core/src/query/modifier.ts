import { contentLength, type Node, NodeKind } from "@varve/format";
import { type NodeChange, nodeChanges } from "./compare-nodes.ts";

/**
 * What became of an entry, in the letters restic has for it: "+" and "-" added and removed, "T" another type, "M" other content, "M?" other
 * content though neither size nor any attribute changed, which may be rot, "U" other attributes only.
 */
export type Modifier = "+" | "-" | "T" | "M" | "M?" | "U";

const substance: readonly NodeChange[] = ["content", "target", "device"];

/** undefined if nothing is different about the entry itself; what lies in a directory does not count. */
export function modifierOf(
	before: Node,
	after: Node,
	changes: readonly NodeChange[] = nodeChanges(before, after),
): Modifier | undefined {
	if (changes.includes("type")) return "T";
	if (isQuiet(before, after, changes)) return "M?";
	if (changes.some((change) => substance.includes(change))) return "M";
	return changes.some((change) => change !== "entries") ? "U" : undefined;
}

function isQuiet(
	before: Node,
	after: Node,
	changes: readonly NodeChange[],
): boolean {
	return (
		before.kind === NodeKind.file &&
		changes.length === 1 &&
		changes[0] === "content" &&
		!before.torn &&
		!after.torn &&
		contentLength(before.content) === contentLength(after.content)
	);
}
