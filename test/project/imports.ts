/** One import or re-export in a TypeScript source. */
export interface Import {
	readonly from: string;
	/** Values taken, by the name they have in the other module; "*" for all of it. */
	readonly values: readonly string[];
	/** Nothing is left of it after compilation (`import { type A }` leaves an import, `import type` does not). */
	readonly typeOnly: boolean;
}

const statement =
	/^[ \t]*(?:import|export)\s+(type\s+(?!from\b))?([\w$\s,{}*]+?)\s*\bfrom\s*["']([^"'\n]+)["']/gm;
const bare = /^[ \t]*import\s*["']([^"'\n]+)["']/gm;
const dynamic = /(\btypeof\s+)?\bimport\(\s*["']([^"'\n]+)["']\s*\)(\.[A-Z])?/g;
/** CommonJS, by createRequire: for native packages that may fail to load. */
const required =
	/\brequire\w*\(\s*["']([^"'\n]+)["']\s*\)|\bcreateRequire\([^()]*\)\(\s*["']([^"'\n]+)["']\s*\)/g;

/** What a source imports. It reads what the formatter leaves (a statement starts a line); it is no parser. */
export function importsOf(source: string): Import[] {
	const code = source.replace(/\/\*[\s\S]*?\*\/|^\s*\/\/.*$/gm, "");
	return [
		...[...code.matchAll(statement)].map(fromStatement),
		...[...code.matchAll(bare)].map((match) => ({
			from: match[1] ?? "",
			values: [],
			typeOnly: false,
		})),
		...[...code.matchAll(dynamic)].map((match) => ({
			from: match[2] ?? "",
			values: ["*"],
			typeOnly: match[1] !== undefined || match[3] !== undefined,
		})),
		...[...code.matchAll(required)].map((match) => ({
			from: match[1] ?? match[2] ?? "",
			values: ["*"],
			typeOnly: false,
		})),
	];
}

/** The package of a specifier; undefined for modules of Node and for files of the same package. */
export function packageOf(specifier: string): string | undefined {
	if (specifier.startsWith(".") || specifier.startsWith("node:"))
		return undefined;
	const parts = specifier.split("/");
	return parts.slice(0, specifier.startsWith("@") ? 2 : 1).join("/");
}

function fromStatement(match: RegExpExecArray): Import {
	const clause = match[2] ?? "";
	const listed = clause.match(/\{([\s\S]*)\}/)?.[1]?.split(",") ?? [];
	const values = listed
		.map((name) => name.trim().replace(/\s+as\s+.*/, ""))
		.filter((name) => name !== "" && !/^type\s/.test(name));
	const outside = clause.replace(/\{[\s\S]*\}/, "").replace(/[\s,]/g, "");
	if (outside !== "") values.push(outside.startsWith("*") ? "*" : "default");
	const typeOnly = match[1] !== undefined;
	return { from: match[3] ?? "", values: typeOnly ? [] : values, typeOnly };
}
