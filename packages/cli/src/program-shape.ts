import type { Argument, Command, Option } from "commander";
import type { CommandEntry, CommandFile } from "./command-entry.ts";
import { createProgram, loadInto } from "./create-program.ts";

/** What the program takes, as plain values: for completion scripts and the reference. */
export interface ProgramShape {
	readonly name: string;
	/** Those every command has. */
	readonly options: readonly OptionShape[];
	readonly commands: readonly CommandShape[];
}

export interface CommandShape {
	readonly name: string;
	readonly aliases: readonly string[];
	readonly summary: string;
	readonly description: string;
	readonly group: string;
	readonly arguments: readonly ArgumentShape[];
	/** Without those every command has. */
	readonly options: readonly OptionShape[];
	readonly examples: CommandFile["examples"];
}

export interface ArgumentShape extends ValueShape {
	readonly description: string;
	readonly required: boolean;
	readonly variadic: boolean;
}

export interface OptionShape {
	/** As commander takes them: "-r, --repo <dir>". */
	readonly flags: string;
	readonly short: string | undefined;
	readonly long: string;
	/** undefined for a switch. */
	readonly value: ValueShape | undefined;
	readonly description: string;
	/** Variable that gives it where the flag does not. */
	readonly env: string | undefined;
}

export interface ValueShape {
	/** The word that stands for it: "dir", "file", "path" and "snapshot" say what completes it. */
	readonly word: string;
	readonly choices: readonly string[];
}

/** Loads every command that is listed. */
export async function shapeOf(
	table: readonly CommandEntry[],
): Promise<ProgramShape> {
	const program = createProgram(table, {
		output: { writeOut: () => undefined, writeErr: () => undefined },
		choose: () => undefined,
	});
	const listed = table.filter(({ group }) => group !== undefined);
	const commands: CommandShape[] = [];
	for (const entry of listed) {
		const command = program.commands.find((c) => c.name() === entry.name);
		if (command === undefined) throw new Error(`no command ${entry.name}`);
		const file = await loadInto(command, entry);
		commands.push(commandShape(entry, file, command));
	}
	const options = program.options.filter(isGlobal).map(optionShape);
	return { name: program.name(), options, commands };
}

function commandShape(
	entry: CommandEntry,
	file: CommandFile,
	command: Command,
): CommandShape {
	return {
		name: entry.name,
		aliases: entry.aliases,
		summary: entry.summary,
		description: command.description(),
		group: entry.group ?? "",
		arguments: command.registeredArguments.map(argumentShape),
		options: command.options
			.filter((option) => !isGlobal(option) && !option.hidden)
			.map(optionShape),
		examples: file.examples,
	};
}

function isGlobal(option: Option): boolean {
	return option.helpGroupHeading !== undefined;
}

function argumentShape(argument: Argument): ArgumentShape {
	return {
		word: argument.name(),
		choices: argument.argChoices ?? [],
		description: argument.description,
		required: argument.required,
		variadic: argument.variadic,
	};
}

function optionShape(option: Option): OptionShape {
	const word = /[<[]([^\]>.]+)/.exec(option.flags)?.[1];
	return {
		flags: option.flags,
		short: option.short,
		long: option.long ?? option.flags,
		value:
			word === undefined
				? undefined
				: { word, choices: option.argChoices ?? [] },
		description: option.description,
		env: option.envVar,
	};
}
