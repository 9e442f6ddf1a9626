import { encodeName, type ScanBlock, untrustedCtime } from "@varve/format";
import type { Directory, Page } from "./directory.ts";
import { rowsBetween } from "./directory-listing.ts";
import { newStatColumns, setBirth, setCtime } from "./stat-columns.ts";
import type { FreshStat } from "./tasks.ts";

/** True if one of the entries is in the page. */
export function anyIn(
	indices: ReadonlySet<number>,
	{ start, end }: Page,
): boolean {
	for (const index of indices) if (index >= start && index < end) return true;
	return false;
}

/** What the next snapshot will compare a page with: entries that must be read again then get a ctime that no file has. */
export function freshBlock(
	directory: Directory,
	page: Page,
	number: number,
): ScanBlock {
	const { root, relative, stats, untrusted } = directory;
	let rows = rowsBetween(stats, page.start, page.end).bytes;
	if (anyIn(untrusted, page)) {
		const copy = newStatColumns(page.end - page.start);
		copy.bytes.set(rows);
		for (const index of untrusted)
			if (index >= page.start && index < page.end)
				setCtime(copy, index - page.start, untrustedCtime);
		rows = copy.bytes;
	}
	return {
		root,
		path: encodeName(relative),
		page: number,
		count: page.end - page.start,
		names: page.names,
		rows,
	};
}

/** Takes over what fstat said of a file that changed since lstat. */
export function applyFresh(
	directory: Directory,
	index: number,
	fresh: FreshStat,
): void {
	const { wide, narrow, count } = directory.stats;
	directory.setTime(index, fresh.mtimeNs);
	setBirth(directory.stats, index, fresh.birthNs);
	wide[index] = fresh.ino;
	wide[count + index] = fresh.size;
	wide[3 * count + index] = fresh.ctimeNs;
	narrow[index] = fresh.mode;
	narrow[count + index] = fresh.uid;
	narrow[2 * count + index] = fresh.gid;
	directory.setSparse(index, fresh.sparse);
}
