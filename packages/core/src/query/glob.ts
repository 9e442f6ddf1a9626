/** A pattern with `*` and `?` (within a name), `**` (any directories), `[a-z]`, `[!a]` and `\` as a regular expression over all of a text. */
export function globToRegExp(glob: string, flags: "" | "i" = ""): RegExp {
	let source = "";
	for (let i = 0; i < glob.length; ) {
		const [part, length] = translate(glob, i);
		source += part;
		i += length;
	}
	return new RegExp(`^${source}$`, `su${flags}`);
}

export function isGlob(text: string): boolean {
	return /[*?[\\]/.test(text);
}

/** What stands at `at`, translated, and how many characters it takes. */
function translate(glob: string, at: number): [string, number] {
	const rest = glob.slice(at);
	const begins = at === 0 || glob[at - 1] === "/";
	if (begins && rest.startsWith("**/")) return ["(?:[^/]+/)*", 3];
	if (begins && rest === "**") return [".+", 2];
	if (rest.startsWith("*")) return ["[^/]*", 1];
	if (rest.startsWith("?")) return ["[^/]", 1];
	const members = /^\[([!^]?)((?:\\.|[^\\])(?:\\.|[^\]\\])*)\]/su.exec(rest);
	if (members !== null) {
		const [all, not, inside = ""] = members;
		return [
			`(?!/)[${not === "" ? "" : "^"}${escapeMembers(inside)}]`,
			all.length,
		];
	}
	const escaped = /^\\(.)/su.exec(rest)?.[1];
	if (escaped !== undefined) return [quote(escaped), escaped.length + 1];
	const [character = ""] = rest;
	return [quote(character), character.length];
}

/** A dash stays what it is, but for an escaped one and one at an end. */
function escapeMembers(inside: string): string {
	return inside
		.replace(/\\(.)|[[\]^]/gsu, (all, escaped = all) =>
			/[\\[\]^-]/.test(escaped) ? `\\${escaped}` : escaped,
		)
		.replace(/^-|(?<!\\)-$/g, "\\-");
}

function quote(character: string): string {
	return /[\\^$.*+?()[\]{}|/]/.test(character) ? `\\${character}` : character;
}
