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
 * Runs a program, in the root directory unless `cwd` says otherwise, and returns what it printed. Throws StepFailed, with the same,
 * unless it exits with 0. `what` names the program in the message.
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
		const output = [];
		child.stdout.on("data", (bytes) => output.push(bytes));
		child.stderr.on("data", (bytes) => output.push(bytes));
		child.on("error", (error) =>
			reject(new StepFailed(`${what} did not start: ${error.message}`, "")),
		);
		child.on("close", (code, signal) => {
			const text = Buffer.concat(output).toString();
			if (code === 0) resolve(text);
			else reject(new StepFailed(`${what} failed (${signal ?? code})`, text));
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
