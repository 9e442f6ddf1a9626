import { homedir } from "node:os";
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
		cwd: process.cwd(),
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
