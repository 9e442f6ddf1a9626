import { homedir } from "node:os";
import { InputError } from "@varve/core";
import { runProgram } from "./program.ts";
import type { Surroundings } from "./surroundings.ts";
import { systemOffset } from "./times.ts";

/** Runs the program with these arguments and resolves to its exit code. */
export async function main(argv: readonly string[]): Promise<number> {
	return runProgram(argv, ownSurroundings());
}

function ownSurroundings(): Surroundings {
	return {
		env: process.env,
		home: homedir(),
		platform: process.platform,
		// Asked for only where it is told as a failure.
		get cwd() {
			return workingDirectory();
		},
		script: process.argv[1] ?? "",
		stdin: process.stdin,
		stdout: process.stdout,
		stderr: process.stderr,
		signals: process,
		now: () => Date.now(),
		monotonic: () => performance.now(),
		offsetAt: systemOffset,
	};
}

function workingDirectory(): string {
	try {
		return process.cwd();
	} catch (cause) {
		throw new InputError(
			"NO_WORKING_DIRECTORY",
			`the working directory cannot be told, it may have been deleted (${(cause as NodeJS.ErrnoException).code}): go to another one`,
			{},
			{ cause },
		);
	}
}
