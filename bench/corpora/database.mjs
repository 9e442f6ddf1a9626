// `database` and `small-databases`: SQLite files, made by python3's sqlite3 module, and a second state of each in
// which rows were updated.
import { execFileSync, spawnSync } from "node:child_process";
import { constants, copyFileSync, mkdirSync, utimesSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";

const program = fileURLToPath(new URL("./database.py", import.meta.url));
const EPOCH = 1_660_000_000;
const UPDATED_ROWS = 1000;
const SMALL_ROWS = 20;

/** Why the databases cannot be made here, or undefined. */
export function whyNoDatabase() {
	const probe = spawnSync("python3", ["-c", "import sqlite3"]);
	return probe.status === 0
		? undefined
		: "needs python3 with its sqlite3 module";
}

const python = (...words) =>
	execFileSync("python3", [program, ...words.map(String)]);

function makeOne(root, next, { name, size, seed, rows }) {
	const file = join(root, name);
	const updated = join(next, name);
	python("make", file, size, seed);
	copyFileSync(file, updated, constants.COPYFILE_FICLONE);
	python("update", updated, rows, seed + 1);
	utimesSync(file, EPOCH, EPOCH);
	utimesSync(updated, EPOCH + 3600, EPOCH + 3600);
}

/** `size` is the length of the file in bytes, reached within a few hundred KB. */
export function makeDatabase(root, { size, seed, next }) {
	makeOne(root, next, { name: "app.sqlite", size, seed, rows: UPDATED_ROWS });
	utimesSync(root, EPOCH, EPOCH);
	utimesSync(next, EPOCH, EPOCH);
}

/** How many times as long as the first each of the small databases is. */
export const smallTimes = [1, 5, 20];

/** Three files, each in a directory of its own: `size`, five times and twenty times `size` bytes long. */
export function makeSmallDatabases(root, { size, seed, next }) {
	for (const times of smallTimes) {
		for (const state of [root, next]) mkdirSync(join(state, String(times)));
		const name = join(String(times), "app.sqlite");
		const own = { size: size * times, seed: seed + times, rows: SMALL_ROWS };
		makeOne(root, next, { name, ...own });
	}
	for (const state of [root, next])
		for (const name of [...smallTimes.map(String), ""])
			utimesSync(join(state, name), EPOCH, EPOCH);
}
