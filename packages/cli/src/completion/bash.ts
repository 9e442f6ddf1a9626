import type {
	CommandShape,
	OptionShape,
	ProgramShape,
	ValueShape,
} from "../program-shape.ts";

/** A completion script for bash 4.4 and newer; it needs nothing else installed. */
export function bashScript(shape: ProgramShape): string {
	const { name, options, commands } = shape;
	const every = [...options, ...commands.flatMap((command) => command.options)];
	return `# Completion of ${name} for bash: eval "$(${name} completion bash)", or save it where bash-completion looks.
_${name}_lines() { mapfile -t COMPREPLY < <("$@"); }
_${name}_words() { _${name}_lines compgen -W "$1" -- "$current"; }
_${name}_files() { compopt -o filenames 2>/dev/null; _${name}_lines compgen "$1" -- "$current"; }
_${name}_snapshots() {
	local ids
	ids="$("\${COMP_WORDS[0]}" \${repository[@]+"\${repository[@]}"} __complete snapshots 2>/dev/null | cut -f1)"
	_${name}_words "$ids latest"
}
_${name}() {
	local current="\${COMP_WORDS[COMP_CWORD]}" previous="\${COMP_WORDS[COMP_CWORD-1]}"
	local command="" word i
	local -a repository=()
	COMPREPLY=()
	for ((i = 1; i < COMP_CWORD; i++)); do
		word="\${COMP_WORDS[i]}"
		case "$word" in
			-r | --repo) repository=(--repo "\${COMP_WORDS[i + 1]}") && ((++i)) ;;
			${patterns(takingValue(options).filter(({ long }) => long !== "--repo"))}) ((++i)) ;;
			-*) ;;
			*) if [[ -z $command ]]; then command="$word"; fi ;;
		esac
	done
	case "$command:$previous" in
${valueCases(shape, every)}
	esac
	case "$command" in
		"") _${name}_words "${[...commands.flatMap(names), "help", ...switches(options), "--version", "--help"].join(" ")}" ;;
${commands.map((command) => commandCase(shape, command)).join("\n")}
	esac
}
complete -F _${name} ${name}
`;
}

function names({ name, aliases }: CommandShape): string[] {
	return [name, ...aliases];
}

function switches(options: readonly OptionShape[]): string[] {
	return options.map(({ long }) => long);
}

function patterns(options: readonly OptionShape[]): string {
	return options.flatMap(flagsOf).join(" | ");
}

function flagsOf({ short, long }: OptionShape): string[] {
	return short === undefined ? [long] : [short, long];
}

function takingValue(options: readonly OptionShape[]): OptionShape[] {
	return options.filter(({ value }) => value !== undefined);
}

/** The same flag may want another value in another command, so the command stands before it. */
function valueCases(
	shape: ProgramShape,
	every: readonly OptionShape[],
): string {
	const global = takingValue(shape.options).map((option) =>
		valueCase(shape.name, "*", option),
	);
	const own = shape.commands.flatMap((command) =>
		takingValue(command.options).map((option) =>
			valueCase(shape.name, names(command).join("|"), option),
		),
	);
	return every.length === 0 ? "" : [...own, ...global].join("\n");
}

function valueCase(
	name: string,
	commands: string,
	option: OptionShape,
): string {
	const words = commands
		.split("|")
		.flatMap((command) => flagsOf(option).map((flag) => `${command}:${flag}`));
	const action =
		option.value === undefined ? ":" : actionFor(name, option.value);
	return `\t\t${words.join(" | ")}) ${action}; return ;;`;
}

function actionFor(name: string, value: ValueShape): string {
	if (value.choices.length > 0)
		return `_${name}_words "${value.choices.join(" ")}"`;
	if (value.word === "dir") return `_${name}_files -d`;
	if (value.word === "file" || value.word === "path")
		return `_${name}_files -f`;
	return value.word === "snapshot" ? `_${name}_snapshots` : ":";
}

function commandCase(shape: ProgramShape, command: CommandShape): string {
	const { name } = shape;
	const options = [
		...switches(command.options),
		...switches(shape.options),
		"--help",
	].join(" ");
	const value = command.arguments[0];
	const rest =
		value === undefined
			? `_${name}_words "${options}"`
			: actionFor(name, value);
	return `\t\t${names(command).join(" | ")}) if [[ $current == -* ]]; then _${name}_words "${options}"; else ${rest}; fi ;;`;
}
