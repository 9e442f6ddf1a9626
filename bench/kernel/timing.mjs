// What the scripts here share: the best of several rounds, since others may use the machine, and tables.

/** Least nanoseconds of `rounds` runs, after one that does not count. */
export function bestOf(rounds, run) {
	run();
	let best = Number.POSITIVE_INFINITY;
	for (let i = 0; i < rounds; i++) {
		const start = process.hrtime.bigint();
		run();
		best = Math.min(best, Number(process.hrtime.bigint() - start));
	}
	return best;
}

/** Bytes in nanoseconds as MB/s. */
export function speed(bytes, nanoseconds) {
	return ((bytes / nanoseconds) * 1000).toFixed(0);
}

export function megabytes(bytes) {
	return (bytes / 1e6).toFixed(1);
}

/** Prints a table in Markdown. */
export function printTable(head, rows) {
	const line = (cells) => `| ${cells.join(" | ")} |`;
	console.log(line(head));
	console.log(line(head.map((_, i) => (i === 0 ? "---" : "---:"))));
	for (const row of rows) console.log(line(row));
}
