import { splitFences } from "./markdown.ts";

/** One call of the program that a page shows. */
export interface ShownCall {
	readonly line: number;
	/** What the program would get, without its own name. */
	readonly words: readonly string[];
}

const prompt = /^\s*\$ /;

/**
 * Calls of `varve` and of `npm start --` in fences of `sh` (each line is a command) and `console` (a prompt "$ " stands before
 * commands, all else is output), and in inline code that begins with `varve`.
 */
export function shownCalls(markdown: string): ShownCall[] {
	return joinContinued(commandLines(markdown)).flatMap(({ text, line }) =>
		commandsIn(text)
			.map(callOf)
			.filter((words) => words !== undefined)
			.map((words) => ({ line, words })),
	);
}

interface CommandLine {
	readonly text: string;
	readonly line: number;
}

function commandLines(markdown: string): CommandLine[] {
	const lines: CommandLine[] = [];
	for (const { text, line, fence } of splitFences(markdown)) {
		const last = lines.at(-1);
		const goesOn = last?.line === line - 1 && last.text.endsWith("\\");
		if (fence === undefined)
			for (const [, code = ""] of text.matchAll(/`(varve [^`]+)`/g))
				lines.push({ text: code, line });
		else if (fence === "sh" || (fence === "console" && goesOn))
			lines.push({ text, line });
		else if (fence === "console" && prompt.test(text))
			lines.push({ text: text.replace(prompt, ""), line });
	}
	return lines;
}

/** A backslash at the end of a line goes on with the next one. */
function joinContinued(lines: readonly CommandLine[]): CommandLine[] {
	const joined: CommandLine[] = [];
	for (const { text, line } of lines) {
		const last = joined.at(-1);
		if (last?.text.endsWith("\\") === true)
			joined[joined.length - 1] = {
				line: last.line,
				text: last.text.slice(0, -1) + text,
			};
		else joined.push({ text, line });
	}
	return joined;
}

/** As a shell would split them, for the little of shell language that pages use: quotes, pipes, lists, redirections, comments. */
export function commandsIn(text: string): string[][] {
	const commands: string[][] = [[]];
	const token =
		/\s*(?:(#.*)|(\|\||&&|[|;])|(\d?[<>]+&?\s*[^\s;|&]*)|((?:"(?:[^"\\]|\\.)*"|'[^']*'|\\.|[^\s"'\\;|&<>])+))/y;
	for (let match = token.exec(text); match !== null; match = token.exec(text)) {
		const [, comment, separator, , word] = match;
		if (comment !== undefined) break;
		if (separator !== undefined) commands.push([]);
		if (word !== undefined) commands.at(-1)?.push(unquote(word));
	}
	return commands.filter((words) => words.length > 0);
}

function unquote(word: string): string {
	return word.replace(
		/"((?:[^"\\]|\\.)*)"|'([^']*)'|\\(.)/g,
		(_, double, single, escaped) =>
			double?.replace(/\\(.)/g, "$1") ?? single ?? escaped,
	);
}

const leading = new Set(["if", "then", "do", "while", "until", "!", "sudo"]);

function callOf(words: readonly string[]): string[] | undefined {
	let at = 0;
	while (leading.has(words[at] ?? "") || /^[A-Z_]+=/.test(words[at] ?? ""))
		at++;
	if (words[at] === "varve") return words.slice(at + 1);
	return words.slice(at, at + 3).join(" ") === "npm start --"
		? words.slice(at + 3)
		: undefined;
}
