import { spawnSync } from "node:child_process";
import { fileURLToPath } from "node:url";

const folder = new URL("./", import.meta.url);

function runs(command: string, ...args: readonly string[]): boolean {
	return spawnSync(command, args).status === 0;
}

/** Which of the commands the reader needs are not there. */
export function missingCommands(): string[] {
	const modern = "import sys; sys.exit(sys.version_info < (3, 9))";
	return [
		...(runs("python3", "-c", modern) ? [] : ["python3 (3.9 or later)"]),
		...(runs("zstd", "--version") ? [] : ["zstd"]),
	];
}

export interface PythonOutcome {
	readonly code: number | null;
	readonly stdout: string;
	readonly stderr: string;
}

/** Runs one of the Python programs of this directory and waits for its end. */
export function python(
	program: string,
	...args: readonly string[]
): PythonOutcome {
	const path = fileURLToPath(new URL(program, folder));
	const { status, stdout, stderr, error } = spawnSync(
		"python3",
		["-B", path, ...args],
		{ encoding: "utf8", maxBuffer: 1 << 28 },
	);
	if (error !== undefined) throw error;
	return { code: status, stdout, stderr };
}

/** Runs the independent reader. */
export function reader(...args: readonly string[]): PythonOutcome {
	return python("varve_reader.py", ...args);
}
