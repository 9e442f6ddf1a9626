// From measurements to medians, pairwise ratios, a Markdown table and JSON.
import { existsSync, mkdirSync, statfsSync, writeFileSync } from "node:fs";
import {
	arch,
	availableParallelism,
	cpus,
	platform,
	release,
	totalmem,
} from "node:os";
import { join } from "node:path";

const TMPFS = 0x0102_1994;
const NOISY = 0.1;

/** The median of the numbers among `values`, or undefined. */
export function median(values) {
	const sorted = values.filter(Number.isFinite).sort((a, b) => a - b);
	if (sorted.length === 0) return undefined;
	const middle = sorted.length >> 1;
	return sorted.length % 2 === 1
		? sorted[middle]
		: (sorted[middle - 1] + sorted[middle]) / 2;
}

/** What the figures depend on; no name of a host and no path. */
export function describeMachine(directory) {
	const { type } = statfsSync(directory);
	return {
		cpu: cpus()[0]?.model.trim(),
		cores: availableParallelism(),
		memory: totalmem(),
		system: `${platform()} ${arch()} ${release().match(/^[\d.]+/)?.[0] ?? ""}`,
		node: process.version,
		fileSystem: type === TMPFS ? "tmpfs" : `0x${type.toString(16)}`,
	};
}

const cpu = ({ user, system }) =>
	user === undefined ? undefined : user + system;

const figures = {
	wall: (usage) => usage.wall,
	cpu,
	peak: (usage) => usage.peak,
	stored: (usage) => usage.stored,
	added: (usage) => usage.added,
	noise: (usage) => usage.noise,
};

/** One line for each row and tool: medians over the rounds. `measurements` are `{ round, row, tool, …usage }`. */
export function summarize(measurements) {
	const lines = new Map();
	for (const each of measurements) {
		const key = `${each.row} ${each.tool}`;
		if (!lines.has(key)) lines.set(key, []);
		lines.get(key).push(each);
	}
	return [...lines.values()].map((group) => {
		const { row, tool } = group[0];
		const good = group.filter((each) => each.failed === undefined);
		const line = { row, tool, rounds: good.length };
		for (const [name, pick] of Object.entries(figures))
			line[name] = median(good.map(pick));
		const failed = group.find((each) => each.failed !== undefined)?.failed;
		return failed === undefined ? line : { ...line, failed };
	});
}

/** Medians of the ratios of `other` to `base` in the same round, for each row where both have one. */
export function compare(measurements, base) {
	const pairs = new Map();
	for (const each of measurements) {
		if (each.tool === base || each.failed !== undefined) continue;
		const partner = measurements.find(
			(one) =>
				one.tool === base &&
				one.row === each.row &&
				one.round === each.round &&
				one.failed === undefined,
		);
		if (partner === undefined) continue;
		const key = `${each.row} ${each.tool}`;
		if (!pairs.has(key)) pairs.set(key, []);
		pairs.get(key).push([partner, each]);
	}
	return [...pairs.values()].map((list) => {
		const [partner, each] = list[0];
		const ratio = (name) =>
			median(
				list.map(([ours, theirs]) => quotient(figures[name], theirs, ours)),
			);
		const inverse = (name) =>
			median(
				list.map(([ours, theirs]) => quotient(figures[name], ours, theirs)),
			);
		return {
			row: each.row,
			tool: each.tool,
			base: partner.tool,
			faster: ratio("wall"),
			lessCpu: ratio("cpu"),
			stored: inverse("stored"),
			added: inverse("added"),
		};
	});
}

function quotient(pick, above, below) {
	const [a, b] = [pick(above), pick(below)];
	return a === undefined || !b ? undefined : a / b;
}

const number = (value, digits) =>
	value === undefined ? "" : value.toFixed(digits);
const megabytes = (value) => {
	if (value === undefined) return "";
	return (value / 1e6).toFixed(Math.abs(value) < 1e7 ? 3 : 1);
};
const table = (head, lines) =>
	[head, head.map(() => "---"), ...lines]
		.map((cells) => `| ${cells.join(" | ")} |`)
		.join("\n");

function medianTable(summary, titles) {
	const lines = summary.map((line) => [
		titles[line.row],
		line.tool,
		line.failed ? "failed" : number(line.wall, 2),
		number(line.cpu, 2),
		line.peak === undefined ? "" : Math.round(line.peak / 1e6),
		megabytes(line.stored),
		megabytes(line.added),
		line.noise > NOISY ? `${Math.round(line.noise * 100)} %` : "",
	]);
	const head = ["row", "tool", "wall s", "CPU s", "peak MB"];
	return table([...head, "stored MB", "added MB", "disturbed"], lines);
}

function ratioTable(ratios, titles) {
	const lines = ratios.map((line) => [
		titles[line.row],
		`${line.base} against ${line.tool}`,
		number(line.faster, 2),
		number(line.lessCpu, 2),
		number(line.stored, 3),
		number(line.added, 4),
	]);
	const head = ["row", "pair", "times as fast", "CPU, times less"];
	return table([...head, "stored, share of it", "added, share of it"], lines);
}

/** The whole report as Markdown. */
export function toMarkdown({
	heading,
	date,
	machine,
	corpus,
	tools,
	rounds,
	titles,
	summary,
	ratios,
	notes,
}) {
	const parts = [
		`# ${heading}, ${date.slice(0, 10)}`,
		`${machine.cpu}, ${machine.cores} cores, ${Math.round(machine.memory / 2 ** 30)} GiB, ${machine.system}, ${machine.fileSystem}. Rounds: ${rounds}.`,
		corpus,
		tools
			.map((tool) => `- ${tool.name}: ${tool.version ?? tool.absent}`)
			.join("\n"),
		"Medians; peak memory is that of the largest single process; MB are 10^6 bytes.",
		medianTable(summary, titles),
	];
	if (ratios.length > 0)
		parts.push(
			"Ratios, pair by pair in the same round, medians.",
			ratioTable(ratios, titles),
		);
	const failures = summary.filter((line) => line.failed);
	if (failures.length > 0)
		parts.push(
			failures
				.map((line) => `- ${line.row}, ${line.tool}: ${line.failed}`)
				.join("\n"),
		);
	if (notes.length > 0) parts.push(notes.join("\n"));
	return `${parts.join("\n\n")}\n`;
}

/** Writes `<date>-<name>.json` and `.md` into `directory`; a second run of a day gets a number. Returns the stem. */
export function writeReport(directory, name, report) {
	mkdirSync(directory, { recursive: true });
	const stem = `${report.date.slice(0, 10)}-${name}`;
	let free = stem;
	for (let again = 2; existsSync(join(directory, `${free}.json`)); again++)
		free = `${stem}-${again}`;
	const text = `${JSON.stringify(report, undefined, "\t")}\n`;
	writeFileSync(join(directory, `${free}.json`), text);
	writeFileSync(join(directory, `${free}.md`), toMarkdown(report));
	return free;
}
