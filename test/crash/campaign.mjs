// What all campaigns share: options, a place to work in, and an account of what was tried and what was wrong.

import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { parseArgs } from "node:util";

/**
 * Runs a campaign by the options of the command line. `defaults` names the options: numbers and texts. Ends with a line of JSON:
 * options, counts, and `failures`, which is empty if all went as promised; then the exit code is 0, else 1.
 */
export async function campaign(name, defaults, work) {
	const options = readOptions({
		seed: 1,
		work: tmpdir(),
		keep: 0,
		...defaults,
	});
	const log = new Log(name);
	const folder = mkdtempSync(join(options.work, `varve-${name}-`));
	const started = performance.now();
	try {
		await work({ options, folder, log });
	} catch (error) {
		log.fail(`the campaign itself failed: ${error.stack}`);
	}
	if (options.keep === 0) rmSync(folder, { recursive: true, force: true });
	const seconds = Math.round((performance.now() - started) / 100) / 10;
	const { counts, failures } = log;
	const { work: _, keep: __, ...said } = options;
	const account = { campaign: name, ...said, seconds, ...counts, failures };
	process.stdout.write(`${JSON.stringify(account)}\n`);
	process.exitCode = failures.length === 0 ? 0 : 1;
}

function readOptions(defaults) {
	const names = Object.keys(defaults);
	const { values } = parseArgs({
		options: Object.fromEntries(
			names.map((name) => [name, { type: "string" }]),
		),
	});
	return Object.fromEntries(
		names.map((name) => {
			const value = values[name];
			if (value === undefined) return [name, defaults[name]];
			return [name, typeof defaults[name] === "number" ? Number(value) : value];
		}),
	);
}

class Log {
	counts = {};
	failures = [];
	#name;

	constructor(name) {
		this.#name = name;
	}

	count(what, by = 1) {
		this.counts[what] = (this.counts[what] ?? 0) + by;
	}

	/** One of many trials: what is said of it is told as it happens. */
	tell(sentence) {
		process.stderr.write(`${this.#name}: ${sentence}\n`);
	}

	fail(sentence) {
		this.failures.push(sentence);
		this.tell(`FAILED ${sentence}`);
	}

	/** Fails with `sentence` unless `holds`. */
	expect(holds, sentence) {
		if (!holds)
			this.fail(typeof sentence === "function" ? sentence() : sentence);
		return holds;
	}
}
