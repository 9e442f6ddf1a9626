import type {
	ArgumentShape,
	CommandShape,
	OptionShape,
	ProgramShape,
} from "./program-shape.ts";

/** The reference of all commands, as a page of Markdown. */
export function referencePage(shape: ProgramShape): string {
	const groups = [...new Set(shape.commands.map(({ group }) => group))];
	return `${[
		"# Commands",
		"",
		"<!-- Written by `node packages/cli/scripts/write-reference.mjs`; change the program instead. -->",
		"",
		"`varve COMMAND --help` tells the same. What each exit code means stands in [exit-codes.md](exit-codes.md), how snapshots are named in [Naming a snapshot](#naming-a-snapshot).",
		"",
		...groups.flatMap((group) => groupLines(shape, group)),
		"## Options of every command",
		"",
		...optionTable(shape.options),
		...namingLines,
		...environmentLines(shape),
		...messageLines,
		...shape.commands.flatMap(commandLines),
	].join("\n")}`;
}

function groupLines({ commands }: ProgramShape, group: string): string[] {
	const members = commands.filter((command) => command.group === group);
	return [
		`**${group.replace(/:$/, "")}**`,
		"",
		"| | |",
		"|---|---|",
		...members.map(
			(c) => `| [${titleOf(c)}](#${c.name}) | ${cell(c.summary)} |`,
		),
		"",
	];
}

const messageLines = [
	"## JSON",
	"",
	"With `--json` a command prints JSON lines and nothing else, errors among them. The first is a `header`, the last a `summary`, or an `exit_error` that has the exit code, what happened in a stable word (`error`) and what can be done (`hint`). In between stand the results, at most a few `status` lines a second (`percent_done` from 0 to 1), an `error` for each entry that could not be dealt with, and `warning`s. Names are those of restic where it has one; times are in RFC 3339; a path that is not UTF-8 has its bytes in `path_b64`. A JSON Schema of every message (`message_type`), and of the summary of each command, lies in the package below `schemas/`.",
	"",
];

const namingLines = [
	"## Naming a snapshot",
	"",
	"Wherever a command takes a snapshot:",
	"",
	"| | |",
	"|---|---|",
	"| `3f2a91bc` | its id, or the beginning of it |",
	"| `latest`, `latest~2` | the newest one, the one two before it |",
	"| `tag:before-upgrade` | the newest one with this tag |",
	"| `2026-11-19`, `2026-11-19T14:00`, `20261119_140000` | the newest one taken until then, by the local clock |",
	"| `2h`, `3d`, `yesterday` | the same, counted back from now |",
	"| `commit:1a2b3c`, `version:phoenix=1.7.2` | the newest one that recorded this commit or version |",
	"| `SNAPSHOT:path` | goes inside it |",
	"",
	"`--host`, `--path` and `--tag` narrow the choice where a command has them.",
	"",
];

function environmentLines(shape: ProgramShape): string[] {
	const named = [...shape.options, ...shape.commands.flatMap((c) => c.options)];
	const byVariable = new Map(
		named.flatMap(({ env, long }) => (env === undefined ? [] : [[env, long]])),
	);
	return [
		"## Environment",
		"",
		"A flag wins over its variable.",
		"",
		"| variable | flag |",
		"|---|---|",
		"| `VARVE_REPOSITORY` | `--repo` |",
		...[...byVariable].map(([env, long]) => `| \`${env}\` | \`${long}\` |`),
		"| `VARVE_PROGRESS_FPS` | how often a second progress is shown, at most; 0 for never |",
		"",
	];
}

function commandLines(command: CommandShape): string[] {
	return [
		`## ${command.name}`,
		"",
		command.description,
		"",
		"```",
		usageOf(command),
		"```",
		"",
		...aliasLines(command),
		...(command.arguments.length > 0 ? argumentTable(command.arguments) : []),
		...(command.options.length > 0 ? optionTable(command.options) : []),
		...exampleLines(command),
	];
}

function aliasLines({ aliases }: CommandShape): string[] {
	return aliases.length === 0
		? []
		: [`Also called ${aliases.map((alias) => `\`${alias}\``).join(", ")}.`, ""];
}

function usageOf(command: CommandShape): string {
	const words = command.arguments.map(({ word, required, variadic }) => {
		const inner = variadic ? `${word}...` : word;
		return required ? `<${inner}>` : `[${inner}]`;
	});
	return ["varve", command.name, "[options]", ...words].join(" ");
}

function argumentTable(args: readonly ArgumentShape[]): string[] {
	return [
		"| argument | |",
		"|---|---|",
		...args.map(
			({ word, description }) => `| \`${word}\` | ${cell(description)} |`,
		),
		"",
	];
}

function optionTable(options: readonly OptionShape[]): string[] {
	return [
		"| option | |",
		"|---|---|",
		...options.map(
			({ flags, description, value }) =>
				`| \`${flags}\` | ${cell(description)}${choicesOf(value?.choices ?? [])} |`,
		),
		"",
	];
}

function choicesOf(choices: readonly string[]): string {
	return choices.length === 0
		? ""
		: ` (${choices.map((choice) => `\`${choice}\``).join(", ")})`;
}

function exampleLines({ examples }: CommandShape): string[] {
	if (examples.length === 0) return [];
	return [
		"```sh",
		...examples.map(([line, purpose]) => `${line}   # ${purpose}`),
		"```",
		"",
	];
}

function titleOf({ name, aliases }: CommandShape): string {
	return [name, ...aliases].map((word) => `\`${word}\``).join(", ");
}

function cell(text: string): string {
	return text.replaceAll("|", "\\|").replaceAll("\n", " ");
}
