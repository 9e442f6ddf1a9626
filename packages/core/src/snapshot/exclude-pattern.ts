import { InputError } from "@varve/format";

/**
 * Turns a pattern of `--exclude` into a line of a .gitignore at "/". One without a slash matches a name at any depth; one that
 * begins with a slash the whole path; any other the last parts of a path. InputError for one that can match nothing.
 */
export function toIgnoreLine(pattern: string): string {
	const negative = pattern.startsWith("!");
	const body = tidy(negative ? pattern.slice(1) : pattern);
	requireMatchable(body, pattern);
	const inner = body.indexOf("/");
	const floats =
		inner > 0 && inner < body.length - 1 && !body.startsWith("**/");
	return (
		(negative ? "!" : "") +
		(floats ? "**/" : "") +
		body.replace(/^#/, "\\#").replace(/ +$/, (run) => "\\ ".repeat(run.length))
	);
}

function tidy(body: string): string {
	return body
		.replace(/\/+/g, "/")
		.replace(/^(?:\.\/)+/, "")
		.replace(/(?:\/\.)+$/, "");
}

function requireMatchable(body: string, pattern: string): void {
	if (body === "" || body === "/")
		throw bad(pattern, "it names nothing that can be left out");
	let open = false;
	for (let i = 0; i < body.length; i++) {
		const c = body[i];
		if (c === "\\" && ++i === body.length) throw bad(pattern, "it ends in \\");
		if (c === "[" && !open) open = closes(body, i) || missing(pattern);
		else if (c === "]") open = false;
	}
}

function closes(body: string, at: number): boolean {
	// The first member of a class may be "]"; with "!" or "^" before it, it still is the first.
	return /^\[(?:[!^](?:\\.|[^\\])|\\.|[^\\!^])(?:\\.|[^\]\\])*\]/.test(
		body.slice(at),
	);
}

function missing(pattern: string): never {
	throw bad(pattern, "it has a [ without a ]");
}

function bad(pattern: string, why: string): InputError {
	return new InputError(
		"BAD_PATTERN",
		`the pattern "${pattern}" is wrong: ${why}`,
		{ pattern },
	);
}
