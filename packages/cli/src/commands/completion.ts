import { Argument } from "commander";
import type { CommandFile } from "../command-entry.ts";
import { bashScript } from "../completion/bash.ts";
import { fishScript } from "../completion/fish.ts";
import { zshScript } from "../completion/zsh.ts";
import type { ProgramShape } from "../program-shape.ts";
import { shapeOf } from "../program-shape.ts";

const scripts: Readonly<Record<string, (shape: ProgramShape) => string>> = {
	bash: bashScript,
	zsh: zshScript,
	fish: fishScript,
};

export const command: CommandFile = {
	define(command) {
		command
			.description(
				"Print a script that completes commands, options and snapshot ids in a shell.",
			)
			.addArgument(
				new Argument("<shell>", "which shell").choices(Object.keys(scripts)),
			);
	},
	examples: [
		['eval "$(varve completion bash)"', "in ~/.bashrc"],
		["source <(varve completion zsh)", "in ~/.zshrc, behind compinit"],
		["varve completion fish | source", "in ~/.config/fish/config.fish"],
	],
	async run({ screen, report }, command) {
		const { commandTable } = await import("../command-table.ts");
		const shape = await shapeOf(commandTable);
		const shell = command.args[0] as string;
		const script = (scripts[shell] as (shape: ProgramShape) => string)(shape);
		if (report.json) report.message("script", { shell, script });
		else screen.printVerbatim(script);
		return 0;
	},
};
