// Measures Varve and its peers on one corpus, in alternation, and writes a report. See README.md beside this file.
import { join } from "node:path";
import { parseArgs } from "node:util";
import { benchDirectory, corpora, prepare } from "./corpora/prepare.mjs";
import { chooseMeter } from "./run/meter.mjs";
import {
	compare,
	describeMachine,
	summarize,
	toMarkdown,
	writeReport,
} from "./run/report.mjs";
import { runRounds } from "./run/rounds.mjs";
import { rows as allRows, chooseRows } from "./run/rows.mjs";
import {
	openRunDirectory,
	openTools,
	sharedOptions,
	splitList,
	tell,
} from "./run/setting.mjs";
import { openSource, settle } from "./run/source.mjs";

const USAGE = `node bench/run.mjs [--corpus NAME] [--rows a,b] [--rounds N] [--peers restic,borg|none] [--dir DIR]

  --corpus NAME     ${Object.keys(corpora).join(", ")} (linux-6.1); prepared first if it is not there
  --size N          of the corpus, as node bench/corpora.mjs --list counts it
  --rows a,b        ${allRows.map((row) => row.name).join(", ")} (all that suit the corpus)
  --rounds N        how often (3)
  --peers a,b       restic, borg, none (those installed)
  --without-varve   the peers alone
  --fill N          snapshots that the row list lists (3)
  --dir DIR         where repositories and restored files go (run below VARVE_BENCH_DIR)
  --patience S      before each measurement, wait up to S seconds for a quiet moment (0)
  --results DIR     where the report goes (bench/results)
  --name NAME       the report is called <date>-NAME (the corpus)
`;

const own = {
	corpus: { type: "string", default: "linux-6.1" },
	size: { type: "string" },
	rows: { type: "string" },
	fill: { type: "string", default: "3" },
	name: { type: "string" },
};

const nextOf = (name) => corpora[name]?.next;

/** Prepares the corpus, and its next state when that is a corpus of its own; returns both stamps and what can be run. */
async function prepareBoth({ corpus, size, rows }) {
	const options = size === undefined ? {} : { size: Number(size) };
	const stamp = await prepare(corpus, options);
	const next = nextOf(corpus);
	const names = rows === undefined ? undefined : splitList(rows);
	const reachable =
		next !== undefined && corpora[next]?.absent?.() === undefined;
	const chosen = chooseRows(names, {
		hasNext: reachable,
		more: corpora[corpus].rows,
	});
	const swaps = chosen.some((row) => row.state === "next");
	const nextStamp =
		swaps && corpora[next] !== undefined ? await prepare(next) : undefined;
	return { stamp, nextStamp, rows: chosen, swaps };
}

const describeCorpus = (stamp, next) =>
	[stamp, next]
		.filter((each) => each !== undefined)
		.map(
			(each) =>
				`${each.name}: ${each.files} files, ${each.directories} directories, ${Math.round(each.bytes / 1e6)} MB${each.package ? `, package ${each.package}` : ""}.`,
		)
		.join(" ");

function notesOn({ measurements, machine, meter }) {
	const notes = [`- Measured with ${meter.name}.`];
	if (measurements.some((each) => each.taken))
		notes.push("- restic has no scrub: that row repeats its verify.");
	if (machine.fileSystem !== "tmpfs")
		notes.push("- Not on a tmpfs: the disk is in these figures.");
	const disturbed = measurements.filter((each) => each.noise > 0.1).length;
	if (disturbed > 0)
		notes.push(
			`- In ${disturbed} of ${measurements.length} measurements others used more than a tenth of the machine.`,
		);
	return notes;
}

function makeReport({
	values,
	measurements,
	prepared,
	tools,
	directory,
	meter,
}) {
	const machine = describeMachine(directory);
	const titles = Object.fromEntries(
		allRows.map((row) => [row.name, row.title]),
	);
	const describe = ({ name, version, absent }) => ({ name, version, absent });
	return {
		heading: values.corpus,
		date: new Date().toISOString(),
		machine,
		corpus: describeCorpus(prepared.stamp, prepared.nextStamp),
		tools: tools.all.map(describe),
		rounds: Number(values.rounds),
		titles,
		summary: summarize(measurements),
		ratios: compare(measurements, tools.tools[0].name),
		notes: notesOn({ measurements, machine, meter }),
		measurements,
	};
}

/** Makes the source and runs the rounds; the directory of the run goes when the process ends. */
async function measureAll({ values, prepared, tools, directory, meter }) {
	const corpora = benchDirectory();
	const oneFile = await prepare("one-file");
	const source = openSource({
		corpus: join(corpora, values.corpus),
		next: join(corpora, nextOf(values.corpus) ?? ""),
		directory,
		swaps: prepared.swaps,
		preparedAt: prepared.stamp.preparedAt,
	});
	settle(Math.max(source.since, Date.parse(oneFile.preparedAt)));
	return runRounds({
		count: Number(values.rounds),
		tools: tools.tools,
		rows: prepared.rows,
		directory,
		source,
		meter,
		patience: Number(values.patience),
		options: { fill: Number(values.fill), oneFile: join(corpora, "one-file") },
		tell,
	});
}

async function main() {
	const { values } = parseArgs({ options: { ...sharedOptions, ...own } });
	if (values.help) return console.log(USAGE);
	const tools = openTools(values);
	const prepared = await prepareBoth(values);
	const directory = openRunDirectory(values.dir);
	const meter = chooseMeter();
	const setting = { values, prepared, tools, directory, meter };
	const measurements = await measureAll(setting);
	const report = makeReport({ ...setting, measurements });
	console.log(toMarkdown(report));
	const stem = writeReport(
		values.results,
		values.name ?? values.corpus,
		report,
	);
	console.error(`written: ${stem}.md and ${stem}.json`);
}

try {
	await main();
} catch (error) {
	console.error(error.message);
	process.exitCode = 1;
}
