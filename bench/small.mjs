// The small bench: three SQLite files of 1 to 20 MB; create, verify, restore and clean up are meant to take less than
// a second each. See README.md beside this file.
import { mkdirSync } from "node:fs";
import { join } from "node:path";
import { parseArgs } from "node:util";
import { smallTimes } from "./corpora/database.mjs";
import { benchDirectory, prepare } from "./corpora/prepare.mjs";
import { chooseMeter } from "./run/meter.mjs";
import { median } from "./run/report.mjs";
import { runRounds } from "./run/rounds.mjs";
import { chooseRows } from "./run/rows.mjs";
import {
	openRunDirectory,
	openTools,
	sharedOptions,
	tell,
} from "./run/setting.mjs";
import { openSource, settle } from "./run/source.mjs";

const USAGE = `node bench/small.mjs [--rounds N] [--peers restic,borg|none] [--without-varve] [--dir DIR] [--patience S]
`;
const steps = {
	first: "create",
	verify: "verify",
	restore: "restore",
	gc: "clean up",
};
const LIMIT = 1;

/** The two states of one database, in a directory of its own. */
function openDatabase(times, parent) {
	const directory = join(parent, String(times));
	mkdirSync(directory);
	const corpora = benchDirectory();
	const source = openSource({
		corpus: join(corpora, "small-databases", String(times)),
		next: join(corpora, "small-databases.next", String(times)),
		directory,
		swaps: true,
	});
	return { times, directory, source };
}

/** Measures one database; returns, by tool, the median wall time of each step. */
async function measureOne({ directory, source }, setting) {
	const rows = chooseRows(Object.keys(steps), { hasNext: true });
	const measurements = await runRounds({ ...setting, directory, source, rows });
	return setting.tools.map(({ name }) => ({
		name,
		walls: Object.keys(steps).map((row) => {
			const own = measurements.filter(
				(each) => each.tool === name && each.row === row,
			);
			return median(own.map((each) => each.wall));
		}),
	}));
}

function line(times, { size, name, walls }) {
	const quick = walls.every((wall) => wall === undefined || wall < LIMIT);
	const verdict = walls.includes(undefined) ? "not all measured" : "yes";
	const cells = walls.map((wall) =>
		wall === undefined ? "not measured" : wall.toFixed(2),
	);
	const length = `${(times * size) / 1e6} MB`;
	return `| ${[length, name, ...cells, quick ? verdict : "no"].join(" | ")} |`;
}

async function main() {
	const { values } = parseArgs({ options: sharedOptions });
	if (values.help) return console.log(USAGE);
	const { tools } = openTools(values);
	const { size } = await prepare("small-databases");
	const setting = {
		count: Number(values.rounds),
		tools,
		meter: chooseMeter(),
		patience: Number(values.patience),
		options: {},
		tell,
	};
	const directory = openRunDirectory(values.dir);
	const databases = smallTimes.map((times) => openDatabase(times, directory));
	settle(databases.at(-1).source.since);
	const lines = [];
	for (const database of databases)
		for (const result of await measureOne(database, setting))
			lines.push(line(database.times, { size, ...result }));
	const head = [
		"database",
		"tool",
		...Object.values(steps).map((step) => `${step}, s`),
	];
	console.log(`| ${[...head, `each under ${LIMIT} s`].join(" | ")} |`);
	console.log(`|${" --- |".repeat(head.length + 1)}`);
	console.log(lines.join("\n"));
}

try {
	await main();
} catch (error) {
	console.error(error.message);
	process.exitCode = 1;
}
