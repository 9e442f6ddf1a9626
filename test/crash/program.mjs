// Runs the built program as users do: in a process, and a process group, of its own.

import { spawn } from "node:child_process";
import { fileURLToPath } from "node:url";

const binary = fileURLToPath(
	new URL("../../packages/cli/bin/varve.js", import.meta.url),
);

/** Starts `varve ARGS --json` on a repository with a cache of its own; `ended` resolves to what came of it. */
export function start(place, args) {
	const started = performance.now();
	const words = ["-r", place.repository, "--json"];
	const cache =
		place.cache === undefined ? ["--no-cache"] : ["--cache-dir", place.cache];
	const child = spawn(process.execPath, [binary, ...args, ...words, ...cache], {
		detached: true,
		stdio: ["ignore", "pipe", "pipe"],
		env: { ...process.env, NODE_OPTIONS: "", ...place.env },
	});
	const output = { stdout: "", stderr: "" };
	for (const name of ["stdout", "stderr"])
		child[name].setEncoding("utf8").on("data", (text) => {
			output[name] += text;
		});
	const ended = new Promise((resolve, reject) => {
		child.once("error", reject);
		child.once("close", (code, signal) =>
			resolve({
				args,
				code,
				signal,
				...output,
				messages: messagesIn(output.stdout),
				milliseconds: performance.now() - started,
			}),
		);
	});
	return { ended, kill: (signal) => killGroup(child, signal) };
}

/** The same, to its end. */
export const run = (place, args) => start(place, args).ended;

/** False if it had ended before. */
function killGroup(child, signal) {
	if (child.exitCode !== null || child.signalCode !== null) return false;
	try {
		return process.kill(-child.pid, signal);
	} catch (error) {
		if (error.code === "ESRCH") return false;
		throw error;
	}
}

/** A killed program's last line may be cut. */
function messagesIn(stdout) {
	return stdout.split("\n").flatMap((line) => {
		try {
			return line === "" ? [] : [JSON.parse(line)];
		} catch {
			return [];
		}
	});
}

/** The last message of a command that ended by itself. */
export const summaryOf = ({ messages }) =>
	messages.findLast(({ message_type: type }) => type === "summary");

/** For reports of what went wrong. */
export function describeEnd({ args, code, signal, stderr, messages }) {
	const errors = messages
		.filter(({ message_type: type }) => /error/.test(type))
		.map((message) => JSON.stringify(message));
	const said = [stderr.trim(), ...errors].join(" | ").slice(0, 2000);
	return `${args[0]} ended with ${signal ?? code}: ${said}`;
}
