// Runs a tool of the project quietly: its output is shown only if it fails.

import { spawn } from "node:child_process";
import { root } from "./stamps.mjs";

/** A step that failed, with the output of the tool that did. */
export class StepFailed extends Error {
	constructor(message, output) {
		super(message);
		this.output = output;
	}
}

/**
 * Runs a program, in the root directory unless `cwd` says otherwise, and returns its standard output. Throws StepFailed, with all
 * it printed, unless it exits with 0. `what` names the program in the message.
 */
export function runTool(program, args, options = {}) {
	const { cwd = root, env = process.env, what = program, shell } = options;
	return new Promise((resolve, reject) => {
		const child = spawn(program, args, {
			cwd,
			env,
			shell,
			stdio: ["ignore", "pipe", "pipe"],
		});
		const printed = [];
		const everything = [];
		child.stdout.on("data", (bytes) => printed.push(bytes));
		child.stdout.on("data", (bytes) => everything.push(bytes));
		child.stderr.on("data", (bytes) => everything.push(bytes));
		child.on("error", (error) =>
			reject(new StepFailed(`${what} did not start: ${error.message}`, "")),
		);
		child.on("close", (code, signal) => {
			if (code === 0) return resolve(Buffer.concat(printed).toString());
			const output = Buffer.concat(everything).toString();
			reject(new StepFailed(`${what} failed (${signal ?? code})`, output));
		});
	});
}

/** Runs a script of the project or of a package with this Node. */
export function runNode(script, args = [], options = {}) {
	return runTool(process.execPath, [script, ...args], {
		what: script,
		...options,
	});
}
