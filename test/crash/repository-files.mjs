import { lstatSync, readdirSync } from "node:fs";
import { join } from "node:path";

/** All files of a repository: path below it, kind, size. By kind and size, for their names are random: so a seed means something. */
export function filesIn(location) {
	return readdirSync(location, { withFileTypes: true, recursive: true })
		.filter((entry) => entry.isFile())
		.map((entry) => {
			const full = join(entry.parentPath, entry.name);
			const path = full.slice(location.length + 1);
			const { size } = lstatSync(full);
			const [top, below] = path.split("/");
			return { path, kind: top === "copies" ? `${top}/${below}` : top, size };
		})
		.sort(
			(a, b) =>
				compare(a.kind, b.kind) ||
				compare(a.size, b.size) ||
				compare(a.path, b.path),
		);
}

function compare(a, b) {
	if (a === b) return 0;
	return a < b ? -1 : 1;
}
