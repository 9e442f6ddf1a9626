import type { Root } from "@varve/format";
import type { XattrReader } from "../native/xattr-reader.ts";
import { codeOf } from "../system.ts";
import { splitTime } from "../time.ts";
import type { SourceRoot } from "./options.ts";
import type { Report } from "./report.ts";
import type { SourceFs } from "./source-fs.ts";

export interface FoundRoot {
	readonly source: SourceRoot;
	readonly root: Omit<Root, "tree">;
	readonly device: bigint;
}

export interface RootParts {
	readonly fs: SourceFs;
	readonly xattrs: XattrReader;
	readonly report: Report;
}

/** A root's own attributes; undefined, and noted, if it is gone. It lies in no directory that would tell whether it changed, so that it is always asked. */
export function rootOf(
	source: SourceRoot,
	{ fs, xattrs, report }: RootParts,
): FoundRoot | undefined {
	try {
		const stat = fs.lstat(source.path);
		if (stat !== undefined) {
			const { seconds, nanoseconds } = splitTime(stat.mtimeNs);
			const mode = Number(stat.mode) & 0o7777;
			const owner = { uid: Number(stat.uid), gid: Number(stat.gid) };
			report.countOwner(owner.uid, owner.gid);
			const found = xattrs.ofPath(source.path);
			report.countXattrs(found);
			const root = {
				path: source.path,
				kind: source.kind,
				mode,
				...owner,
				mtime: seconds,
				mtimeNs: nanoseconds,
				xattrs: found.xattrs,
			};
			return { source, root, device: stat.dev };
		}
		report.unreadable(source.path, "ENOENT");
	} catch (error) {
		const reason = codeOf(error);
		if (reason === undefined) throw error;
		report.unreadable(source.path, reason);
	}
	return undefined;
}
