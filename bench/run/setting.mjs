// What run.mjs and small.mjs share: options, a directory for one run that is gone afterwards, tools, one line per result.
import { mkdirSync, rmSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { benchDirectory } from "../corpora/prepare.mjs";
import { chooseTools } from "./tools.mjs";

/** Where reports go unless told otherwise. */
export const resultsDirectory = fileURLToPath(
	new URL("../results", import.meta.url),
);

/** Options of parseArgs that both scripts know. */
export const sharedOptions = {
	rounds: { type: "string", default: "3" },
	peers: { type: "string", default: "restic,borg" },
	dir: { type: "string", default: join(benchDirectory(), "run") },
	patience: { type: "string", default: "0" },
	results: { type: "string", default: resultsDirectory },
	"without-varve": { type: "boolean", default: false },
	help: { type: "boolean", short: "h", default: false },
};

/** Splits "a,b"; "none" and "" are nothing. */
export const splitList = (text) =>
	text === "none" ? [] : text.split(",").filter((each) => each !== "");

/** Makes a directory below `parent` for this process alone, removed when it ends, however it ends. */
export function openRunDirectory(parent) {
	const directory = join(parent, `run-${process.pid}`);
	mkdirSync(directory, { recursive: true });
	process.on("exit", () => rmSync(directory, { recursive: true, force: true }));
	for (const signal of ["SIGINT", "SIGTERM"])
		process.on(signal, () => process.exit(130));
	return directory;
}

/** The tools that can run, Varve first, and a line about each that cannot. */
export function openTools(values) {
	const ours = values["without-varve"] ? [] : ["varve"];
	const all = chooseTools([...ours, ...splitList(values.peers)]);
	for (const tool of all)
		if (tool.absent) console.error(`${tool.name}: skipped: ${tool.absent}`);
	const tools = all.filter((tool) => tool.absent === undefined);
	if (tools.length === 0) throw new Error("no tool to measure is there");
	return { all, tools };
}

/** Says on stderr what one measurement gave. */
export function tell(usage, row) {
	const begin = `round ${usage.round}  ${row.name.padEnd(9)} ${usage.tool.padEnd(6)}`;
	if (usage.failed) return console.error(`${begin} failed: ${usage.failed}`);
	const seconds = (value) => (value ?? Number.NaN).toFixed(2).padStart(8);
	const cpu = seconds(usage.user + usage.system);
	const peak = Math.round((usage.peak ?? Number.NaN) / 1e6);
	const noise = Math.round((usage.noise ?? 0) * 100);
	const added = usage.added === undefined ? "" : ` added ${usage.added} B`;
	console.error(
		`${begin} wall ${seconds(usage.wall)} s  CPU ${cpu} s  peak ${peak} MB  others ${noise} %${added}`,
	);
}
