// The declarations of the published package: those of the workspace packages bundled in it, side by side, and referring to each
// other by path, since a user has no package called @varve/core.

import {
	mkdirSync,
	readdirSync,
	readFileSync,
	rmSync,
	writeFileSync,
} from "node:fs";
import { dirname, join, relative, sep } from "node:path";
import { root } from "./stamps.mjs";

const owners = ["format", "kernel", "store", "core"];
const target = join(root, "packages/cli/dist/types");

export function writeDeclarations() {
	rmSync(target, { recursive: true, force: true });
	for (const owner of owners) {
		const dist = join(root, "packages", owner, "dist");
		for (const file of declarationsIn(dist))
			writeDeclaration(
				join(owner, file),
				readFileSync(join(dist, file), "utf8"),
			);
	}
}

function declarationsIn(directory) {
	return readdirSync(directory, { recursive: true }).filter((file) =>
		file.endsWith(".d.ts"),
	);
}

function writeDeclaration(file, text) {
	const path = join(target, file);
	const home = dirname(path);
	const published = text
		.replace(/"@varve\/(\w+)"/g, (_, owner) => {
			const index = relative(home, join(target, owner, "index.js"));
			return JSON.stringify(index.split(sep).join("/"));
		})
		.replace(/"(\.\.?\/[^"\n]+)\.ts"/g, '"$1.js"')
		.replace(/^\/\/# sourceMappingURL=.*$/m, "");
	mkdirSync(home, { recursive: true });
	writeFileSync(path, published);
}
