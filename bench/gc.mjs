// What forget and gc cost on a repository of many snapshots and chunks, made up for this (gc/made-up.mjs): time and memory of each step.
//
//   node bench/gc.mjs --snapshots 1000 --chunks 2000000 --work /dev/shm
//
// Prints a table for people, and with --json a line for each step.

import { execFileSync } from "node:child_process";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { parseArgs } from "node:util";
import { makeUp } from "./gc/made-up.mjs";

const { values } = parseArgs({
	options: {
		snapshots: { type: "string", default: "1000" },
		chunks: { type: "string", default: "2000000" },
		work: { type: "string", default: tmpdir() },
		json: { type: "boolean", default: false },
	},
});
const steps = [
	"forget --dry-run",
	"forget",
	"gc --dry-run",
	"gc",
	"gc again",
	"verify",
];
const stepFile = fileURLToPath(new URL("gc/step.mjs", import.meta.url));
const folder = mkdtempSync(join(values.work, "varve-gc-"));
try {
	const location = join(folder, "repository");
	const now = Date.UTC(2026, 0, 1);
	const started = performance.now();
	const snapshots = Number(values.snapshots);
	const chunks = Number(values.chunks);
	await makeUp({ location, snapshots, chunks, now });
	const seconds = Math.round((performance.now() - started) / 100) / 10;
	process.stderr.write(
		`${snapshots} snapshots with ${chunks} chunks, made up in ${seconds} s\n`,
	);
	if (!values.json) console.log("| step | seconds | CPU | peak MB | |");
	if (!values.json) console.log("| --- | --- | --- | --- | --- |");
	for (const step of steps) tell(step, [location, String(now)]);
} finally {
	rmSync(folder, { recursive: true, force: true });
}

function tell(step, words) {
	const line = execFileSync(process.execPath, [stepFile, step, ...words], {
		encoding: "utf8",
		stdio: ["ignore", "pipe", "inherit"],
	});
	if (values.json) {
		process.stdout.write(line);
		return;
	}
	const { seconds, cpuSeconds, peakMegabytes, ...rest } = JSON.parse(line);
	delete rest.step;
	const said = Object.entries(rest)
		.map(([name, value]) => `${name} ${value}`)
		.join(", ");
	console.log(
		`| \`${step}\` | ${seconds} | ${cpuSeconds} | ${peakMegabytes} | ${said} |`,
	);
}
