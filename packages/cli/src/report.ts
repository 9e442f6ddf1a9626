import { isVarveError } from "@varve/core";
import { exitCodeOf, isUsageOutcome } from "./exit-code.ts";
import { hintOf } from "./hints.ts";
import { Interrupted } from "./interrupted.ts";
import { jsonLine, type Message, schemaName } from "./json-line.ts";
import type { Screen } from "./screen.ts";

export interface ReportOptions {
	/** For the header of `--json`. */
	readonly command: string;
	readonly json: boolean;
	readonly quiet: boolean;
}

/** What a command says: JSON lines for programs, or text for people. */
export class Report {
	readonly json: boolean;
	readonly quiet: boolean;
	readonly #screen: Screen;
	readonly #command: string;
	#begun = false;
	#summed = false;

	constructor(screen: Screen, options: ReportOptions) {
		this.#screen = screen;
		this.json = options.json;
		this.quiet = options.quiet;
		this.#command = options.command;
	}

	/** A JSON line, with --json; nothing without. Where there may be many, `message` is better a function. */
	message(type: string, message: Message | (() => Message)): void {
		if (!this.json) return;
		this.begin();
		this.#summed ||= type === "summary";
		const fields = typeof message === "function" ? message() : message;
		this.#screen.printVerbatim(jsonLine(type, fields));
	}

	/** The header, unless it has been printed. Every stream of messages has one, an empty one too. */
	begin(): void {
		if (!this.json || this.#begun) return;
		this.#begun = true;
		const header = { schema: schemaName, command: this.#command };
		this.#screen.printVerbatim(jsonLine("header", header));
	}

	/** The end of a command that has ended well: a summary is always the last message. */
	end(): void {
		if (!this.#summed) this.message("summary", {});
	}

	/** Lines that were asked for. */
	lines(lines: Iterable<string>): void {
		if (this.json) return;
		for (const line of lines) this.#screen.print(line);
	}

	/** One of many lines that were asked for. */
	line(line: () => string): void {
		if (!this.json) this.#screen.print(line());
	}

	/** Lines that tell what was done: left out with -q. */
	account(lines: Iterable<string>): void {
		if (!this.quiet) this.lines(lines);
	}

	warning(message: string): void {
		this.message("warning", { message });
		if (!this.json && !this.quiet)
			this.#screen.printError(`warning: ${message}`);
	}

	/** One entry that failed; the command goes on. A line for people, a message for programs. */
	entryError(line: string, message: Message): void {
		this.message("error", message);
		if (!this.json) this.#screen.printError(`error: ${line}`);
	}

	/** What ended the command. */
	failure(error: unknown): void {
		const code = exitCodeOf(error);
		if (code === 0 || isHelp(error)) return;
		const { sentence, detail } = sentenceOf(error);
		const hint = hintOf(error);
		this.message("exit_error", {
			code,
			message: sentence,
			...(isVarveError(error) ? { error: error.code } : {}),
			...(hint === undefined ? {} : { hint }),
		});
		if (!this.json) {
			this.#screen.printError(`varve: ${sentence}`);
			if (hint !== undefined) this.#screen.printError(`hint: ${hint}`);
		}
		for (const line of detail) this.#screen.printError(line);
	}
}

interface Sentence {
	readonly sentence: string;
	/** For whoever mends the program. */
	readonly detail: readonly string[];
}

function sentenceOf(error: unknown): Sentence {
	if (!(error instanceof Error)) return { sentence: String(error), detail: [] };
	if (isUsageOutcome(error))
		return { sentence: usageSentence(error), detail: [] };
	if (isVarveError(error) || error instanceof Interrupted)
		return { sentence: error.message, detail: [] };
	if (isSystemError(error)) return { sentence: error.message, detail: [] };
	return {
		sentence: `this is a bug: ${error.message}`,
		detail: stackLines(error),
	};
}

/** Help has been shown in place of a command: that says it all. */
function isHelp(error: unknown): boolean {
	return isUsageOutcome(error) && error.code === "commander.help";
}

/** commander writes "error: …" and, on a line of its own, what may have been meant. */
function usageSentence(error: Error): string {
	return error.message.replace(/^error: /, "").replace(/\s*\n\s*/g, " ");
}

/** Writing to standard output or to a log can fail, which is nobody's bug. */
function isSystemError(error: Error): boolean {
	return "syscall" in error && "errno" in error;
}

function stackLines(error: Error): string[] {
	const lines = (error.stack ?? "").split("\n").slice(1);
	const { cause } = error;
	return cause instanceof Error
		? [...lines, `caused by: ${cause.message}`, ...stackLines(cause)]
		: lines;
}
