import type { Command } from "commander";
import type { CommandEntry, CommandFile } from "./command-entry.ts";
import { commandTable } from "./command-table.ts";
import { createProgram, type ParserOutput } from "./create-program.ts";
import { exitCodeOf } from "./exit-code.ts";
import { type GlobalOptions, readGlobalOptions } from "./global-options.ts";
import { listenForInterruption } from "./interrupted.ts";
import { type Log, noLog, openLog } from "./log-file.ts";
import { Report } from "./report.ts";
import { Screen } from "./screen.ts";
import type { Surroundings } from "./surroundings.ts";
import { formatRfc3339 } from "./times.ts";
import { Watcher } from "./watcher.ts";

/** A command that was chosen, its options read. */
interface Chosen {
	readonly entry: CommandEntry;
	readonly file: CommandFile;
	readonly program: Command;
	readonly command: Command;
}

/** Parses, runs the command, tells what went wrong, and resolves to the exit code. */
export async function runProgram(
	argv: readonly string[],
	surroundings: Surroundings,
): Promise<number> {
	const screen = new Screen(surroundings.stdout, surroundings.stderr);
	const early = new Report(screen, {
		command: "",
		json: asksForJson(argv),
		quiet: false,
	});
	const code = await attempt(early, async () => {
		const chosen = await parse(argv, {
			writeOut: (text) => screen.printVerbatim(text),
			writeErr: (text) => surroundings.stderr.write(text),
		});
		return await runChosen(chosen, screen, surroundings);
	});
	// What could not be written has failed, whatever else was done.
	const flushed = await attempt(early, () => screen.flush().then(() => 0));
	return code === 0 ? flushed : code;
}

async function attempt(
	report: Report,
	work: () => Promise<number>,
): Promise<number> {
	try {
		return await work();
	} catch (error) {
		report.failure(error);
		return exitCodeOf(error);
	}
}

async function parse(
	argv: readonly string[],
	output: ParserOutput,
): Promise<Chosen> {
	let chosen: Chosen | undefined;
	const program = createProgram(commandTable, {
		output,
		choose: (entry, file, command) => {
			chosen = { entry, file, program, command };
		},
	});
	await program.parseAsync(asHelpOption(argv), { from: "user" });
	if (chosen === undefined) throw new Error("no command was chosen");
	return chosen;
}

/** `help` and `help X` as `--help` and `X --help`: options of a command are known only when it is loaded. */
function asHelpOption(argv: readonly string[]): string[] {
	const [first, second] = argv;
	if (first !== "help") return [...argv];
	return second === undefined ? ["--help"] : [second, "--help"];
}

function asksForJson(argv: readonly string[]): boolean {
	const end = argv.indexOf("--");
	return argv.slice(0, end < 0 ? argv.length : end).includes("--json");
}

async function runChosen(
	{ entry, file, program, command }: Chosen,
	screen: Screen,
	surroundings: Surroundings,
): Promise<number> {
	const options = readGlobalOptions(program, command);
	const { json, quiet, verbose } = options;
	const report = new Report(screen, { command: entry.name, json, quiet });
	return await attempt(report, async () => {
		const log = logOf(options, surroundings, report);
		const watcher = new Watcher({
			screen,
			report,
			log,
			verbose,
			now: surroundings.monotonic,
			rate: progressRate(surroundings),
		});
		const interruption = listenForInterruption(surroundings.signals);
		try {
			log.line(`varve ${entry.name} in ${surroundings.cwd}`);
			report.begin();
			const { signal } = interruption;
			const code = await file.run(
				{ options, surroundings, screen, report, watcher, log, signal },
				command,
			);
			report.end();
			log.line(`ends with exit code ${code}`);
			return code;
		} catch (error) {
			log.line(`fails with exit code ${exitCodeOf(error)}: ${textOf(error)}`);
			throw error;
		} finally {
			interruption[Symbol.dispose]();
			watcher[Symbol.dispose]();
			log.close();
		}
	});
}

function logOf(
	{ logFile }: GlobalOptions,
	{ now, offsetAt }: Surroundings,
	report: Report,
): Log {
	if (logFile === undefined) return noLog;
	return openLog(logFile, {
		clock: () => formatRfc3339(now(), offsetAt),
		warn: (message) => report.warning(message),
	});
}

function progressRate({ env }: Surroundings): number | undefined {
	const rate = Number(env.VARVE_PROGRESS_FPS ?? "");
	return env.VARVE_PROGRESS_FPS === undefined || Number.isNaN(rate)
		? undefined
		: Math.min(60, Math.max(0, rate));
}

function textOf(error: unknown): string {
	return error instanceof Error
		? (error.stack ?? error.message)
		: String(error);
}
