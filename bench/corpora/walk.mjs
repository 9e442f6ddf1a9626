// Counts what lies below a path, without a promise per file.
import { lstatSync, readdirSync } from "node:fs";
import { join } from "node:path";

/**
 * Counts files, directories (the top one left out), other entries, bytes, and bytes allocated below `top`, which may
 * be a file.
 */
export function countTree(top) {
	const sum = { files: 0, directories: 0, others: 0, bytes: 0, allocated: 0 };
	const pending = [];
	const count = (path) => {
		const stat = lstatSync(path);
		sum.allocated += stat.blocks * 512;
		if (stat.isDirectory()) pending.push(path);
		else if (stat.isFile()) {
			sum.files++;
			sum.bytes += stat.size;
		} else sum.others++;
	};
	count(top);
	while (pending.length > 0) {
		const directory = pending.pop();
		if (directory !== top) sum.directories++;
		for (const name of readdirSync(directory)) count(join(directory, name));
	}
	return sum;
}
