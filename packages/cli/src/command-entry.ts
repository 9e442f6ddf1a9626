import type { Command } from "commander";
import type { Session } from "./session.ts";

/** One command of the program: what it takes and what it does. Loaded when it is called. */
export interface CommandFile {
	/** Adds arguments, options and a longer description. */
	define(command: Command): void;
	/** Command lines as a user would type them, without the program's name, and what each is for. */
	readonly examples: readonly (readonly [line: string, purpose: string])[];
	/** Resolves to the exit code. */
	run(session: Session, command: Command): Promise<number>;
}

/** What is known of a command before it is loaded. */
export interface CommandEntry {
	readonly name: string;
	readonly aliases: readonly string[];
	/** One line for the list of commands. */
	readonly summary: string;
	/** Heading of its group in the list of commands; undefined keeps it out of the list. */
	readonly group: string | undefined;
	readonly load: () => Promise<{ readonly command: CommandFile }>;
}
