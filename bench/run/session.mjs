// One tool at work in one repository: where its things lie, how many snapshots it has taken, what each command cost.
import { mkdirSync, rmSync } from "node:fs";
import { join } from "node:path";
import { countTree } from "../corpora/walk.mjs";
import { measure, waitForQuiet } from "./meter.mjs";

/** A command that did not exit 0; the row says so and the run goes on. */
export class CommandFailed extends Error {}

const sum = (usages, key) =>
	usages.some((usage) => usage[key] === undefined)
		? undefined
		: usages.reduce((total, usage) => total + usage[key], 0);

const largest = (usages, key) => {
	const known = usages.map((usage) => usage[key]).filter(Number.isFinite);
	return known.length > 0 ? Math.max(...known) : undefined;
};

/** The last line says why; those above may be a million, and name paths. */
const lastLine = (text) => text.split("\n").at(-1);

export class Session {
	/** `directory` is this tool's alone; `meter` and `patience` as in meter.mjs. */
	constructor(tool, { directory, source, meter, patience }) {
		this.tool = tool;
		this.meter = meter;
		this.patience = patience;
		const below = (name) => join(directory, name);
		this.place = {
			repository: below("repository"),
			cache: below("cache"),
			home: below("home"),
			scratch: below("scratch"),
			target: below("target"),
			source,
			count: 0,
		};
	}

	/** Whether the tool has commands for `verb`. */
	can(verb) {
		return this.tool.does[verb] !== undefined;
	}

	/** Empties everything and makes a new repository. */
	reset() {
		const { repository, cache, home, scratch } = this.place;
		for (const directory of [repository, cache, home, scratch]) {
			rmSync(directory, { recursive: true, force: true });
			if (directory !== repository) mkdirSync(directory, { recursive: true });
		}
		this.place.count = 0;
		// restic fits the cost of its key to how busy the machine is now
		waitForQuiet(this.patience);
		this.run("init");
	}

	/** The client's cache lost, the repository kept. */
	forgetCache() {
		rmSync(this.place.cache, { recursive: true, force: true });
		mkdirSync(this.place.cache);
	}

	/** Bytes of the repository's files. */
	stored() {
		return countTree(this.place.repository).bytes;
	}

	/** Runs the commands for `verb`, one after the other; returns their usage together. */
	run(verb, cwd = this.place.home) {
		const { place, tool } = this;
		const environment = {
			HOME: place.home,
			TMPDIR: place.scratch,
			...tool.environment(place),
		};
		const usages = tool.does[verb](place).map((argv) => {
			const options = { environment, cwd, scratch: place.scratch };
			const usage = measure(this.meter, argv, options);
			if (usage.exit !== 0)
				throw new CommandFailed(
					`${tool.name} ${verb}: exit ${usage.exit}: ${lastLine(usage.complaint)}`,
				);
			return usage;
		});
		if (verb === "snapshot") place.count++;
		return {
			wall: sum(usages, "wall"),
			user: sum(usages, "user"),
			system: sum(usages, "system"),
			peak: largest(usages, "peak"),
			noise: largest(usages, "noise"),
		};
	}

	/** The same, begun in a quiet moment. */
	timed(verb, cwd) {
		waitForQuiet(this.patience);
		return this.run(verb, cwd);
	}

	/** A timed snapshot, with the bytes the repository holds after it and those that came on top. */
	timedSnapshot() {
		const before = this.stored();
		const usage = this.timed("snapshot");
		const stored = this.stored();
		return { ...usage, stored, added: stored - before };
	}
}
