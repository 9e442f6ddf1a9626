// Many processes take leases and drop them, while some are killed: never two gc at once, no more left than were killed, and the next
// writer clears all of it.

import { spawn } from "node:child_process";
import { readdirSync } from "node:fs";
import { join } from "node:path";
import { setTimeout as wait } from "node:timers/promises";
import { fileURLToPath } from "node:url";
import { initRepository, openRepository, withLease } from "@varve/core";
import { campaign } from "./campaign.mjs";
import { seeded } from "./random.mjs";

const holder = fileURLToPath(new URL("lease-holder.mjs", import.meta.url));

await campaign(
	"leases",
	{ processes: 16, rounds: 1000, kills: 100, between: 100 },
	async ({ options, folder, log }) => {
		const { seed, processes, rounds, kills, between } = options;
		const location = join(folder, "repository");
		await (await initRepository({ location })).close();
		const random = seeded(seed);
		const running = new Map();
		const ended = [];
		const start = () => {
			const words = [
				location,
				join(folder, "cache"),
				random.below(1e9),
				rounds,
			];
			const child = spawn(process.execPath, [holder, ...words.map(String)]);
			ended.push(settle(child, log).then(() => running.delete(child.pid)));
			running.set(child.pid, child);
		};
		for (let i = 0; i < processes; i++) start();
		for (let i = 0; i < kills && running.size > 0; i++) {
			await wait(random.below(2 * between));
			random.pick([...running.values()])?.kill("SIGKILL");
			start();
		}
		await Promise.all(ended);
		await lookAfter(location, log);
	},
);

/** Resolves when it has ended, and notes what it did. */
async function settle(child, log) {
	let stdout = "";
	let stderr = "";
	child.stdout.on("data", (text) => {
		stdout += text;
	});
	child.stderr.on("data", (text) => {
		stderr += text;
	});
	const [code, signal] = await new Promise((resolve) =>
		child.once("close", (...words) => resolve(words)),
	);
	if (signal === "SIGKILL") return log.count("killed");
	if (code !== 0) return log.fail(`a holder ended with ${code}: ${stderr}`);
	const { leases, alone, busy, together } = JSON.parse(stdout);
	log.count("leases", leases);
	log.count("alone", alone);
	log.count("busy", busy);
	for (const each of together) log.fail(each);
}

async function lookAfter(location, log) {
	const namesIn = (kind) => readdirSync(join(location, kind));
	const killed = log.counts.killed ?? 0;
	const left = namesIn("leases").length;
	log.count("left", left);
	if (left > killed) log.fail(`${left} leases are left of ${killed} killed`);
	const stages = namesIn("tmp").length;
	if (stages > killed)
		log.fail(`${stages} stages are left of ${killed} killed`);
	const repository = await openRepository({ location, workers: 0 });
	const options = { kind: "writer", snapshots: [], command: "the next one" };
	await withLease(repository, options, async () => {});
	await repository.close();
	if (namesIn("leases").length > 0) log.fail("the next writer cleared not all");
}
