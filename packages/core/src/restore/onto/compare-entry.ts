import { contentLength, type Node, NodeKind } from "@varve/format";
import { type NodeChange, nodeChanges } from "../../query/compare-nodes.ts";
import type {
	ContentDifference,
	DifferingPart,
	PartComparer,
} from "./differing-parts.ts";
import type { Pause } from "./items.ts";
import type { Live } from "./live-directory.ts";

export interface Comparison {
	readonly changes: readonly NodeChange[];
	/** What of a large file is to be written; undefined if nobody looked, and everything is. */
	readonly parts: readonly DifferingPart[] | undefined;
}

export interface ComparerOptions {
	readonly contents: PartComparer;
	/** The node as this process can give it back: its owners, and its mode without what goes with a lost owner. */
	readonly attainable: (node: Node) => Node;
	/** Of a path that is safe up to its last name. undefined: nobody can tell, and they are taken for right. */
	readonly xattrsOf: ((path: string) => Node["xattrs"] | undefined) | undefined;
	/** Files of the same size and time hold the same. */
	readonly trustsTimes: boolean;
}

export interface Opening {
	readonly path: string;
	/** Opens the file for `PartComparer`. */
	readonly open: () => number;
	readonly shut: (descriptor: number) => void;
}

const same: Comparison = { changes: [], parts: undefined };

/** What of an entry is not as the snapshot has it, where the scan state does not vouch for it. Throws errors of the system. */
export function* compareEntry(
	node: Node,
	live: Live,
	opening: Opening,
	options: ComparerOptions,
): Generator<Pause, Comparison> {
	const { node: found } = live;
	if (found === undefined) return { changes: ["type"], parts: undefined };
	if (found.kind !== node.kind) return { changes: ["type"], parts: undefined };
	const wanted = options.attainable(node);
	const xattrs = options.xattrsOf?.(opening.path) ?? wanted.xattrs;
	const changes = nodeChanges(wanted, {
		...found,
		content: wanted.content,
		holes: wanted.holes,
		tree: wanted.tree,
		attributes: wanted.attributes,
		xattrs,
		...(node.kind === NodeKind.symlink ? { mode: wanted.mode } : {}),
	});
	const difference =
		node.kind === NodeKind.file
			? yield* contentDifference(node, live, opening, options)
			: "same";
	if (difference === "same")
		return changes.length === 0 ? same : { changes, parts: undefined };
	return {
		changes: ["content", ...changes],
		parts: difference === "differs" ? undefined : difference,
	};
}

function* contentDifference(
	node: Node,
	{ node: found }: Live,
	{ path, open, shut }: Opening,
	{ contents, trustsTimes }: ComparerOptions,
): Generator<Pause, ContentDifference> {
	if (
		trustsTimes &&
		found !== undefined &&
		found.mtime === node.mtime &&
		found.mtimeNs === node.mtimeNs &&
		contentLength(found.content) === contentLength(node.content)
	)
		return "same";
	const descriptor = open();
	try {
		return yield* contents.compare({ descriptor, path }, node.content);
	} finally {
		shut(descriptor);
	}
}
