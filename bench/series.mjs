// Many snapshots of a source that changes: what each tool stores, how long it takes, and what restoring the newest then costs.
// See README.md beside this file.
import { mkdirSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { parseArgs } from "node:util";
import { chooseMeter } from "./run/meter.mjs";
import { describeMachine, median } from "./run/report.mjs";
import { Session } from "./run/session.mjs";
import {
	openRunDirectory,
	openTools,
	sharedOptions,
	splitList,
} from "./run/setting.mjs";
import { drawCurves } from "./series/curves.mjs";
import { series } from "./series/states.mjs";

const USAGE = `node bench/series.mjs [--series a,b] [--steps N] [--peers restic,borg|none] [--plain] [--dir DIR] [--results DIR] [--plot FILE]

  --series a,b   ${Object.keys(series).join(", ")} (all that can be had here)
  --steps N      states after the first (those of the series)
  --plain        Varve without delta frames as well
  --plot FILE    an SVG of what is stored after each snapshot; of the last series run
`;

/** Each tool takes a snapshot of each state, in an order that turns; then it restores the newest and verifies every byte. */
async function run(name, { steps, tools, directory, meter, patience }) {
	const { begin, step, title } = series[name];
	const source = join(directory, "source");
	mkdirSync(source);
	const sessions = tools.map(
		(tool) =>
			new Session(tool, {
				directory: join(directory, tool.name),
				source,
				meter,
				patience,
			}),
	);
	for (const session of sessions) {
		mkdirSync(join(directory, session.tool.name));
		session.reset();
	}
	const taken = sessions.map(() => []);
	for (let number = 0; number <= steps; number++) {
		await (number === 0 ? begin(source) : step(source, number));
		for (let turn = 0; turn < sessions.length; turn++) {
			const which = (turn + number) % sessions.length;
			taken[which].push(sessions[which].timedSnapshot());
		}
		console.error(
			`${name} ${number}: ${sessions.map(({ tool }, i) => `${tool.name} ${describe(taken[i].at(-1))}`).join(", ")}`,
		);
	}
	const results = sessions.map((session, i) => ({
		tool: session.tool.name,
		snapshots: taken[i],
		restore: median([1, 2, 3].map(() => restoreOnce(session))),
		verify: session.timed("verify").wall,
	}));
	for (const entry of [
		source,
		...tools.map((tool) => join(directory, tool.name)),
	])
		rmSync(entry, { recursive: true, force: true });
	return { name, title, steps, results };
}

function describe({ wall, added }) {
	return `${wall.toFixed(2)} s ${(added / 1e6).toFixed(2)} MB`;
}

function restoreOnce(session) {
	const { target } = session.place;
	rmSync(target, { recursive: true, force: true });
	mkdirSync(target, { recursive: true });
	const { wall } = session.timed("restore", target);
	rmSync(target, { recursive: true, force: true });
	return wall;
}

const head = [
	"series",
	"tool",
	"first MB",
	"later MB together",
	"total MB",
	"of restic's total",
	"first s",
	"later s, median",
	"restore newest s",
	"verify every byte s",
];

function lines({ title, results }) {
	const totalOf = ({ snapshots }) => snapshots.at(-1).stored;
	const restic = results.find(({ tool }) => tool === "restic");
	return results.map((result, i) => {
		const { tool, snapshots, restore, verify } = result;
		const [first, ...later] = snapshots;
		const total = totalOf(result);
		const cells = [
			i === 0 ? title : "",
			tool,
			(first.stored / 1e6).toFixed(1),
			((total - first.stored) / 1e6).toFixed(2),
			(total / 1e6).toFixed(1),
			restic === undefined ? "" : (total / totalOf(restic)).toFixed(3),
			first.wall.toFixed(2),
			median(later.map(({ wall }) => wall))?.toFixed(2) ?? "",
			restore.toFixed(2),
			verify.toFixed(2),
		];
		return `| ${cells.join(" | ")} |`;
	});
}

function toMarkdown({ date, machine, tools, outcomes }) {
	const gigabytes = Math.round(machine.memory / 2 ** 30);
	return [
		`# Series, ${date.slice(0, 10)}`,
		`${machine.cpu}, ${machine.cores} cores, ${gigabytes} GiB, ${machine.system}, ${machine.fileSystem}.`,
		tools.map(({ name, version }) => `- ${name}: ${version}`).join("\n"),
		[
			`| ${head.join(" | ")} |`,
			`|${" --- |".repeat(head.length)}`,
			...outcomes.flatMap(lines),
		].join("\n"),
	].join("\n\n");
}

async function main() {
	const { values } = parseArgs({
		options: {
			...sharedOptions,
			series: { type: "string" },
			steps: { type: "string" },
			plain: { type: "boolean", default: false },
			plot: { type: "string" },
		},
	});
	if (values.help) return console.log(USAGE);
	const names = values.series
		? splitList(values.series)
		: Object.keys(series).filter((name) => !series[name].absent?.());
	for (const name of names)
		if (series[name] === undefined)
			throw new Error(`no series is called ${name}`);
	const peers = values.plain ? `varve-plain,${values.peers}` : values.peers;
	const { tools } = openTools({ ...values, peers });
	const directory = openRunDirectory(values.dir);
	const setting = {
		...{ tools, directory, meter: chooseMeter() },
		patience: Number(values.patience),
	};
	const outcomes = [];
	for (const name of names) {
		const steps = Number(values.steps ?? series[name].steps);
		outcomes.push(await run(name, { ...setting, steps }));
	}
	const report = {
		date: new Date().toISOString(),
		machine: describeMachine(directory),
		tools: tools.map(({ name, version }) => ({ name, version })),
		outcomes,
	};
	const markdown = toMarkdown(report);
	console.log(markdown);
	const file = join(
		values.results,
		`${report.date.slice(0, 10)}-series-${names.join("-")}`,
	);
	writeFileSync(`${file}.md`, `${markdown}\n`);
	writeFileSync(`${file}.json`, `${JSON.stringify(report, undefined, "\t")}\n`);
	if (values.plot) writeFileSync(values.plot, drawCurves(outcomes.at(-1)));
}

try {
	await main();
} catch (error) {
	console.error(error.message);
	process.exitCode = 1;
}
