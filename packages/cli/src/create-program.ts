import { Command, type CommanderError } from "commander";
import type { CommandEntry, CommandFile } from "./command-entry.ts";
import { addGlobalOptions } from "./global-options.ts";
import { readVersion } from "./version.ts";

export interface ParserOutput {
	readonly writeOut: (text: string) => void;
	readonly writeErr: (text: string) => void;
}

export interface ProgramParts {
	readonly output: ParserOutput;
	/** Called with the command that was asked for, its arguments parsed. */
	readonly choose: (
		entry: CommandEntry,
		file: CommandFile,
		command: Command,
	) => void;
}

/**
 * The commander program. It knows of each command its name and summary; the file of the one that is called is loaded, and adds
 * its options, between parsing the name and parsing the rest. Failures are thrown, never printed.
 */
export function createProgram(
	table: readonly CommandEntry[],
	{ output, choose }: ProgramParts,
): Command {
	const program = new Command("varve");
	const entries = new Map<Command, CommandEntry>();
	program
		.description("Content-addressed, incremental snapshots of directory trees.")
		.configureOutput({ ...output, outputError: () => undefined })
		.configureHelp({ showGlobalOptions: false })
		.exitOverride((error) => refuse(program, error))
		.enablePositionalOptions()
		.helpCommand(false);
	program.version(readVersion(), "-V, --version", "show the version");
	addGlobalOptions(program);
	program.addHelpText(
		"after",
		"\nvarve COMMAND --help tells what a command takes, and shows examples.",
	);
	for (const entry of table) entries.set(addCommand(program, entry), entry);
	program.hook("preSubcommand", async (_, command) => {
		const entry = entries.get(command) as CommandEntry;
		const file = await loadInto(command, entry);
		command.action(() => choose(entry, file, command));
	});
	return program;
}

/** Loads the file of a command and lets it declare what it takes. */
export async function loadInto(
	command: Command,
	entry: CommandEntry,
): Promise<CommandFile> {
	const { command: file } = await entry.load();
	file.define(command);
	addGlobalOptions(command);
	command.addHelpText("after", exampleText(file));
	return file;
}

function exampleText({ examples }: CommandFile): string {
	const lines = examples.map(
		([line, purpose]) => `  ${line}\n      ${purpose}`,
	);
	return lines.length === 0 ? "" : `\nExamples:\n${lines.join("\n")}`;
}

function addCommand(program: Command, entry: CommandEntry): Command {
	const { name, aliases, summary, group } = entry;
	const command = program.command(name, { hidden: group === undefined });
	command.summary(summary).description(`${summary}.`).aliases(aliases);
	command.exitOverride((error) => refuse(command, error));
	return group === undefined ? command : command.helpGroup(group);
}

/** Tells where to look, and passes the failure on. */
function refuse(command: Command, error: CommanderError): never {
	if (error.exitCode !== 0 && error.code !== "commander.help") {
		const words = command.parent === null ? "varve" : `varve ${command.name()}`;
		error.message = `${error.message}\n(${words} --help tells what it takes)`;
	}
	throw error;
}
