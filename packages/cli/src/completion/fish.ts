import type {
	CommandShape,
	OptionShape,
	ProgramShape,
	ValueShape,
} from "../program-shape.ts";

/** A completion script for fish: to be sourced, or saved as `varve.fish` in its completions. */
export function fishScript(shape: ProgramShape): string {
	const { name, options, commands } = shape;
	const seen = commands.flatMap((c) => [c.name, ...c.aliases]).join(" ");
	const first = `not __fish_seen_subcommand_from ${seen}`;
	const lines = [
		`# Completion of ${name} for fish: ${name} completion fish | source, or save it as ${name}.fish in its completions.`,
		`function __${name}_snapshots`,
		"\tset -l words (commandline -opc)",
		"\tset -l repository",
		"\tfor i in (seq 2 (count $words))",
		"\t\tif contains -- $words[$i] -r --repo; and test $i -lt (count $words)",
		"\t\t\tset repository --repo $words[(math $i + 1)]",
		"\t\tend",
		"\tend",
		"\t$words[1] $repository __complete snapshots 2>/dev/null",
		'\tprintf "latest\\tthe newest one\\n"',
		"end",
		`complete -c ${name} -f`,
		...options.map((option) => optionLine(name, option, undefined)),
		`complete -c ${name} -s h -l help -d 'show help'`,
		`complete -c ${name} -n '${first}' -s V -l version -d 'show the version'`,
		...commands.flatMap((command) => commandLines(name, command, first)),
	];
	return `${lines.join("\n")}\n`;
}

function commandLines(
	name: string,
	command: CommandShape,
	first: string,
): string[] {
	const words = [command.name, ...command.aliases];
	const condition = `__fish_seen_subcommand_from ${words.join(" ")}`;
	const start = `complete -c ${name} -n '${condition}'`;
	const argument = command.arguments[0];
	const action = argument === undefined ? "" : actionFor(name, argument);
	return [
		...words.map(
			(word) =>
				`complete -c ${name} -n '${first}' -a ${word} -d ${quote(command.summary)}`,
		),
		...command.options.map((option) => optionLine(name, option, condition)),
		...(action === "" ? [] : [`${start} ${action}`]),
	];
}

function optionLine(
	name: string,
	option: OptionShape,
	condition: string | undefined,
): string {
	const { short, long, value, description } = option;
	return [
		`complete -c ${name}`,
		condition === undefined ? "" : `-n '${condition}'`,
		short === undefined ? "" : `-s ${short.slice(1)}`,
		`-l ${long.slice(2)}`,
		value === undefined ? "" : `-r ${actionFor(name, value)}`,
		`-d ${quote(description)}`,
	]
		.filter((part) => part !== "")
		.join(" ")
		.replace(/ {2,}/g, " ");
}

function actionFor(name: string, value: ValueShape): string {
	if (value.choices.length > 0) return `-a ${quote(value.choices.join(" "))}`;
	if (value.word === "dir") return "-a '(__fish_complete_directories)'";
	if (value.word === "file" || value.word === "path") return "-F";
	return value.word === "snapshot" ? `-a '(__${name}_snapshots)'` : "";
}

function quote(text: string): string {
	return `'${text.replace(/[\\']/g, "\\$&")}'`;
}
