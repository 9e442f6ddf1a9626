// A plugin for esbuild: in the bundle, `import { a } from "@varve/core"` becomes an import from the file that declares `a`.
//
// esbuild splits by files, and counts as reachable whatever a reachable file imports statically. An index.ts imports all of its
// package, so that through it each command would load what any command needs. A statement that names something this plugin does
// not find is left as it is: only more is loaded then.

import { readFileSync } from "node:fs";
import { dirname, join } from "node:path";

const statement = /^import\s+\{([^{}]*)\}\s+from\s+"(@varve\/[\w-]+)";/gm;
const declaration =
	/^export\s+(?:abstract\s+class|async\s+function|class|const|function)\*?\s*([\w$]+)/gm;
const listed = /^export\s+\{([^{}]*)\}\s+from\s+"([^"]+)";/gm;
const whole = /^export\s+\*\s+from\s+"([^"]+)";/gm;

/** `indexes` tells the index.ts of each package, by the package's name. */
export function directImports(indexes) {
	const declared = new Map();
	const fileOf = (name, specifier) => {
		const index = indexes[specifier];
		if (!declared.has(index)) declared.set(index, declarations(index, indexes));
		return declared.get(index).get(name);
	};
	return {
		name: "direct-imports",
		setup(build) {
			build.onLoad(
				{ filter: /packages\/[\w-]+\/src\/.*\.ts$/ },
				({ path }) => ({
					contents: readFileSync(path, "utf8").replace(
						statement,
						(text, names, specifier) =>
							direct(names, specifier, fileOf) ?? text,
					),
					loader: "ts",
				}),
			);
		},
	};
}

/** Imports of the same names, a line for each file; undefined if one is not found. */
function direct(names, specifier, fileOf) {
	const lines = [];
	for (const value of valuesIn(names)) {
		const file = fileOf(value.split(/\s+as\s+/)[0], specifier);
		if (file === undefined) return undefined;
		lines.push(`import { ${value} } from ${JSON.stringify(file)};`);
	}
	return lines.join(" ");
}

/** Names between the braces of a statement, types left out. */
function valuesIn(names) {
	return names
		.split(",")
		.map((name) => name.trim())
		.filter((name) => name !== "" && !name.startsWith("type "));
}

/** Which file declares what a file exports, by name. */
function declarations(file, indexes) {
	const text = readFileSync(file, "utf8");
	const found = new Map();
	for (const [, name] of text.matchAll(declaration)) found.set(name, file);
	const target = (specifier) =>
		indexes[specifier] ?? join(dirname(file), specifier);
	for (const [, specifier] of text.matchAll(whole))
		for (const [name, at] of declarations(target(specifier), indexes))
			if (!found.has(name)) found.set(name, at);
	for (const [, names, specifier] of text.matchAll(listed)) {
		const others = declarations(target(specifier), indexes);
		for (const name of valuesIn(names))
			if (others.has(name)) found.set(name, others.get(name));
	}
	return found;
}
