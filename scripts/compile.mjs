// Builds everything: TypeScript of all packages, the WebAssembly chunker, the bundle of the command line.

import { existsSync } from "node:fs";
import { join } from "node:path";
import { installStamp } from "./install.mjs";
import {
	dropStamp,
	hashTimes,
	packageNames,
	root,
	stampFits,
	writeStamp,
} from "./stamps.mjs";

const wasmSource = "packages/kernel/assembly";
const wasmScript = "packages/kernel/build-wasm.mjs";
const wasm = "packages/kernel/dist/gear.wasm";

/** What the built files depend on, as a stamp. */
function buildStamp() {
	const inputs = packageNames().flatMap((name) =>
		["package.json", "tsconfig.json", "src"].map(
			(part) => `packages/${name}/${part}`,
		),
	);
	const shared = ["scripts", "tsconfig.base.json", "tsconfig.json"];
	return hashTimes(
		[...inputs, ...shared, wasmSource, wasmScript],
		installStamp(),
	);
}

export function isBuilt(stamp = buildStamp()) {
	return stampFits("build", stamp) && outputs().every(exists);
}

export async function build() {
	const stamp = buildStamp();
	if (isBuilt(stamp)) return;
	console.error(
		outputs().every(exists)
			? "varve: building (sources have changed; a few seconds)"
			: "varve: building (a few seconds)",
	);
	dropStamp("build");
	await Promise.all([compileTypeScript(), compileChunker()]);
	const { bundle } = await import("./bundle.mjs");
	const { writeDeclarations } = await import("./declarations.mjs");
	await bundle();
	writeDeclarations();
	writeStamp("build", stamp);
}

async function compileTypeScript() {
	const { runNode } = await import("./tool.mjs");
	// The compiler goes by its own record of what it wrote, and does not see that a file was removed since.
	const force = outputs().every(exists) ? [] : ["--force"];
	await runNode("node_modules/typescript/bin/tsc", ["-b", ...force], {
		what: "tsc -b",
	});
}

async function compileChunker() {
	const stamp = hashTimes([wasmSource, wasmScript]);
	if (stampFits("wasm", stamp) && exists(wasm)) return;
	const { runNode } = await import("./tool.mjs");
	await runNode(wasmScript);
	writeStamp("wasm", stamp);
}

/** A file of each thing that is built, to see that nobody has removed it. */
function outputs() {
	const libraries = packageNames().filter((name) => name !== "cli");
	return [
		...libraries.map((name) => `packages/${name}/dist/index.js`),
		wasm,
		"packages/cli/dist/main.js",
		"packages/cli/dist/worker.js",
		"packages/cli/dist/gear.wasm",
		"packages/cli/dist/types/core/index.d.ts",
	];
}

function exists(path) {
	return existsSync(join(root, path));
}
