// Campaigns in which processes of their own do the work: what one task leaves in memory is no matter to the next.

import { fork } from "node:child_process";
import { mkdirSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { build } from "esbuild";

/**
 * Compiles a TypeScript file beside the packages that it imports and returns where; a name of its own, so that several campaigns may run. The caller removes
 * it.
 */
export async function compileWorker(name, source) {
	const folder = fileURLToPath(
		new URL(`../../node_modules/.cache/varve-${name}`, import.meta.url),
	);
	mkdirSync(folder, { recursive: true });
	const outfile = join(folder, `worker-${process.pid}.mjs`);
	await build({
		entryPoints: [fileURLToPath(new URL(source, import.meta.url))],
		outfile,
		bundle: true,
		packages: "external",
		platform: "node",
		format: "esm",
		target: "node20",
		logLevel: "error",
	});
	return outfile;
}

/** What a process that runs the program says of a task. `tell` is given what it says before that, as `soFar`. */
export function answerOf(program, task, tell = () => {}) {
	return new Promise((resolve, reject) => {
		const child = fork(program, {
			stdio: ["ignore", "ignore", "inherit", "ipc"],
		});
		let answer;
		child.on("message", (message) => {
			if (message.soFar !== undefined) tell(message.soFar);
			else answer = message;
		});
		child.once("error", reject);
		child.once("exit", (code) => {
			if (answer === undefined)
				reject(new Error(`${JSON.stringify(task)} ended with ${code}`));
			else resolve(answer);
		});
		child.send(task);
	});
}
