// The source of a run. Where a row needs the next state at the same path, both states are copied below the run's
// directory and change places by a rename, which leaves every inode and time inside alone; else the corpus is read
// where it lies.
import { execFileSync } from "node:child_process";
import { existsSync, mkdirSync, realpathSync, renameSync } from "node:fs";
import { join } from "node:path";

const SETTLING = 61_000;

function copy(from, to) {
	mkdirSync(to);
	const args = ["-a", "--reflink=auto", `${realpathSync(from)}/.`, to];
	if (process.platform !== "linux") args.splice(1, 1);
	execFileSync("cp", args);
}

/** Opens the source: `path`, and `bring(state)` with state "now" or "next". `since` is when its last inode was made. */
export function openSource({ corpus, next, directory, swaps, preparedAt }) {
	if (!swaps)
		return {
			path: realpathSync(corpus),
			since: Date.parse(preparedAt),
			bring: () => {},
		};
	const path = join(directory, "source");
	const aside = (state) => join(directory, `source.${state}`);
	copy(corpus, path);
	copy(next, aside("next"));
	const bring = (state) => {
		if (!existsSync(aside(state))) return;
		renameSync(path, aside(state === "next" ? "now" : "next"));
		renameSync(aside(state), path);
	};
	return { path, since: Date.now(), bring };
}

/**
 * Waits until the youngest inode is more than a minute old. A program that does not trust files as young as the last
 * snapshot reads them again, rightly; the rows are about files that have come to rest.
 */
export function settle(since) {
	const left = since + SETTLING - Date.now();
	if (left <= 0) return;
	console.error(`waiting ${Math.ceil(left / 1000)} s for the files to settle`);
	Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, left);
}
