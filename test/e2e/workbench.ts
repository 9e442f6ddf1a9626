import { type SpawnOptions, spawn, spawnSync } from "node:child_process";
import {
	chmodSync,
	mkdirSync,
	mkdtempSync,
	readdirSync,
	rmSync,
	statSync,
	writeFileSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";

const program = fileURLToPath(
	new URL("../../packages/cli/bin/varve.js", import.meta.url),
);

export interface Outcome {
	readonly code: number | null;
	readonly stdout: string;
	readonly stderr: string;
	/** Lines of standard output. */
	readonly lines: readonly string[];
	/** Bytes of standard output. */
	readonly bytes: Buffer;
}

export interface RunOptions {
	readonly cwd?: string;
	readonly env?: Readonly<Record<string, string>>;
	readonly input?: string | Uint8Array;
	/** Run as a user without rights, which takes root. */
	readonly asNobody?: boolean;
}

export type Message = Readonly<Record<string, unknown>> & {
	readonly message_type: string;
};

const nobody = 65534;
export const isRoot = process.getuid?.() === 0;

/** A directory of its own, with a home and a repository, in which the built program is run as a user runs it. */
export class Workbench {
	readonly folder = mkdtempSync(join(tmpdir(), "varve-e2e-"));
	readonly repository = join(this.folder, "repository");
	readonly home = join(this.folder, "home");

	constructor() {
		chmodSync(this.folder, 0o755);
		mkdirSync(this.home);
	}

	path(...parts: readonly string[]): string {
		return join(this.folder, ...parts);
	}

	/** Writes a file, and the directories above it. */
	write(path: string, content: string | Uint8Array): string {
		const whole = this.path(path);
		mkdirSync(join(whole, ".."), { recursive: true });
		writeFileSync(whole, content);
		return whole;
	}

	/** Runs the program with these arguments and waits for its end. */
	run(args: readonly string[], options: RunOptions = {}): Outcome {
		const { status, stdout, stderr, error } = spawnSync(
			process.execPath,
			[program, ...args],
			{
				...this.#spawnOptions(options),
				input: options.input ?? "",
				maxBuffer: 1 << 28,
			},
		);
		if (error !== undefined) throw error;
		const text = stdout.toString();
		const lines = text.split("\n").slice(0, -1);
		return {
			code: status,
			stdout: text,
			stderr: stderr.toString(),
			lines,
			bytes: stdout,
		};
	}

	/** The same on the workbench's own repository. */
	varve(line: string | readonly string[], options: RunOptions = {}): Outcome {
		const args = typeof line === "string" ? line.split(" ") : line;
		return this.run(["-r", this.repository, ...args], options);
	}

	/** The same, and it must end well. */
	done(line: string | readonly string[], options: RunOptions = {}): Outcome {
		const outcome = this.varve(line, options);
		if (outcome.code !== 0)
			throw new Error(
				`exit code ${outcome.code}: ${outcome.stderr}${outcome.stdout}`,
			);
		return outcome;
	}

	/** Messages of a command run with --json. */
	messages(
		line: string | readonly string[],
		options: RunOptions = {},
	): Message[] {
		const args = typeof line === "string" ? line.split(" ") : line;
		return this.varve(["--json", ...args], options).lines.map((text) =>
			JSON.parse(text),
		);
	}

	/** The last message of a command run with --json: its summary. */
	summary(line: string | readonly string[], options: RunOptions = {}): Message {
		return this.messages(line, options).at(-1) as Message;
	}

	/** What Node is to be called with to run the program so. */
	command(args: readonly string[]): string[] {
		return [program, ...args];
	}

	/** Starts the program and does not wait. */
	start(args: readonly string[], options: RunOptions = {}) {
		return spawn(process.execPath, [program, ...args], {
			...this.#spawnOptions(options),
			stdio: "pipe",
		});
	}

	#spawnOptions({
		cwd,
		env,
		asNobody,
	}: RunOptions): SpawnOptions & { cwd: string } {
		return {
			cwd: cwd ?? this.folder,
			env: {
				PATH: process.env["PATH"] ?? "",
				HOME: this.home,
				TZ: "Europe/Berlin",
				LC_ALL: "C.UTF-8",
				...env,
			},
			...(asNobody ? { uid: nobody, gid: nobody } : {}),
		};
	}

	remove(): void {
		rmSync(this.folder, { recursive: true, force: true });
	}
}

/** Files below a directory with their sizes, to see that nothing was written. */
export function filesIn(directory: string): Map<string, number> {
	const entries = readdirSync(directory, {
		recursive: true,
		withFileTypes: true,
	});
	return new Map(
		entries
			.filter((entry) => entry.isFile())
			.map((entry) => join(entry.parentPath, entry.name))
			.map((path) => [path, statSync(path).size]),
	);
}
