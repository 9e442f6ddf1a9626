import { type BigIntStats, lstatSync, readlinkSync } from "node:fs";
import { type Bytes, decodeName, encodeName, type Node } from "@varve/format";
import { type LiveEntry, liveNode } from "../../query/live-entries.ts";
import type { SourceFs } from "../../snapshot/source-fs.ts";
import { codeOf, systemPath } from "../../system.ts";
import type { Top } from "./tops.ts";

/** What was there when it was looked at. */
export interface Live {
	readonly stat: BigIntStats;
	/** As a snapshot would hold it, but for content, which is only as long. undefined for what no snapshot can hold. */
	readonly node: Node | undefined;
}

/** undefined if there is nothing. Throws errors with an errno code. */
export function lookAt(
	top: Top,
	suffix: string,
	name: Bytes,
): Live | undefined {
	const path = top.tree.path(suffix);
	const stat = lstatSync(path, { bigint: true, throwIfNoEntry: false });
	if (stat === undefined) return undefined;
	const fs: Pick<SourceFs, "readLink"> = {
		readLink: (text) => readlinkSync(systemPath(text), { encoding: "buffer" }),
	};
	const text = typeof path === "string" ? path : decodeName(path);
	const entry: LiveEntry = { name, path: text, stat, reason: undefined };
	return { stat, node: liveNode(fs as SourceFs, entry, undefined) };
}

/** The same; undefined, too, where a directory on the way is none any more. */
export function lookFor(top: Top, suffix: string): Live | undefined {
	try {
		return lookAt(
			top,
			suffix,
			encodeName(suffix.slice(suffix.lastIndexOf("/") + 1)),
		);
	} catch (error) {
		const code = codeOf(error);
		if (code === "ENOENT" || code === "ENOTDIR") return undefined;
		throw error;
	}
}
