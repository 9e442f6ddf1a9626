import type {
	CommandShape,
	OptionShape,
	ProgramShape,
	ValueShape,
} from "../program-shape.ts";

/** A completion script for zsh: to be sourced, or saved as `_varve` in a directory of $fpath. */
export function zshScript(shape: ProgramShape): string {
	const { name, options, commands } = shape;
	const listed = commands.flatMap((command) =>
		[command.name, ...command.aliases].map(
			(word) =>
				`\t\t${quote(`${word.replaceAll(":", "\\:")}:${command.summary}`)}`,
		),
	);
	return `#compdef ${name}
# Completion of ${name} for zsh: source <(${name} completion zsh), or save it as _${name} in a directory of $fpath.
_${name}_snapshots() {
	local -a repository ids
	local given=\${opt_args[-r]:-\${opt_args[--repo]:-$outer_repository}}
	[[ -n $given ]] && repository=(--repo \${(Q)given})
	ids=(\${(f)"$(${name} $repository __complete snapshots 2>/dev/null)"})
	ids=(\${ids/$'\\t'/:} 'latest:the newest one')
	_describe -V snapshot ids
}
_${name}_commands() {
	local -a commands=(
${listed.join("\n")}
	)
	_describe command commands
}
_${name}() {
	local context state state_descr line
	typeset -A opt_args
	local -a global=(
${options
	.flatMap((option) => specsOf(name, option))
	.map((spec) => `\t\t${spec}`)
	.join("\n")}
		'(-h --help)'{-h,--help}'[show help]'
	)
	_arguments -C $global '(-V --version)'{-V,--version}'[show the version]' ':command:->command' '*::argument:->arguments'
	case $state in
		command) _${name}_commands ;;
		arguments)
			local command=$line[1] outer_repository=\${opt_args[-r]:-$opt_args[--repo]}
			words=(${name} "\${(@)words[2,-1]}")
			case $command in
${commands.map((command) => commandCase(name, command)).join("\n")}
			esac ;;
	esac
}
if [[ $zsh_eval_context[-1] == loadautofunc ]]; then
	_${name} "$@"
else
	compdef _${name} ${name}
fi
`;
}

function commandCase(name: string, command: CommandShape): string {
	const specs = [
		...command.options.flatMap((option) => specsOf(name, option)),
		...command.arguments.map((argument) =>
			quote(
				`${argument.variadic ? "*" : ""}:${plain(argument.word)}:${actionFor(name, argument)}`,
			),
		),
	];
	return `\t\t\t\t${[command.name, ...command.aliases].join("|")}) _arguments -s $global ${specs.join(" ")} ;;`;
}

function specsOf(name: string, option: OptionShape): string[] {
	const value =
		option.value === undefined
			? ""
			: `:${plain(option.value.word)}:${actionFor(name, option.value)}`;
	const tail = quote(`[${plain(option.description)}]${value}`);
	return option.short === undefined
		? [`'*'${option.long}${tail}`]
		: [`'*'{${option.short},${option.long}}${tail}`];
}

function actionFor(name: string, value: ValueShape): string {
	if (value.choices.length > 0) return `(${value.choices.join(" ")})`;
	if (value.word === "dir") return "_files -/";
	if (value.word === "file" || value.word === "path") return "_files";
	return value.word === "snapshot" ? `_${name}_snapshots` : " ";
}

/** What has a meaning of its own in a specification. */
function plain(text: string): string {
	return text.replace(/[[\]:\\]/g, "\\$&");
}

function quote(text: string): string {
	return `'${text.replaceAll("'", "'\\''")}'`;
}
