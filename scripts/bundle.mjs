// Bundles the command line and the workspace packages below it into packages/cli/dist, which is what is published.
//
// All files lie flat in that directory: code finds worker.js and gear.wasm by `new URL("../dist/…", import.meta.url)`, which is
// right from packages/*/src, from packages/*/dist, and from here.

import {
	copyFileSync,
	mkdirSync,
	readdirSync,
	renameSync,
	rmSync,
	writeFileSync,
} from "node:fs";
import { basename, join } from "node:path";
import * as esbuild from "esbuild";
import { directImports } from "./direct-imports.mjs";
import { packageNames, root } from "./stamps.mjs";
import { StepFailed } from "./tool.mjs";

/** Packages with native parts are left to the package manager; all else is bundled. */
export const external = ["level", "zstd-napi", "koffi"];

const target = join(root, "packages/cli/dist");

export async function bundle() {
	const files = await bundleFiles();
	mkdirSync(target, { recursive: true });
	for (const { path, contents } of entriesLast(files)) {
		writeFileSync(`${path}.new`, contents);
		renameSync(`${path}.new`, path);
	}
	copyFileSync(
		join(root, "packages/kernel/dist/gear.wasm"),
		join(target, "gear.wasm"),
	);
	removeOthers(new Set(files.map(({ path }) => basename(path))));
}

async function bundleFiles() {
	try {
		const result = await esbuild.build(settings());
		return result.outputFiles;
	} catch (error) {
		if (!Array.isArray(error.errors)) throw error;
		const lines = await esbuild.formatMessages(error.errors, { kind: "error" });
		throw new StepFailed("bundling failed", lines.join(""));
	}
}

function settings() {
	return {
		absWorkingDir: root,
		entryPoints: {
			main: "packages/cli/src/main.ts",
			index: "packages/cli/src/index.ts",
			worker: "packages/core/src/worker.ts",
		},
		alias: workspaceSources(),
		plugins: [directImports(workspaceSources())],
		external,
		bundle: true,
		splitting: true,
		format: "esm",
		platform: "node",
		target: "node20.12",
		outdir: target,
		chunkNames: "chunk-[hash]",
		// CommonJS packages inside the bundle call require for modules of Node.
		banner: {
			js: 'import { createRequire as requireFrom } from "node:module"; const require = requireFrom(import.meta.url);',
		},
		legalComments: "eof",
		logLevel: "silent",
		write: false,
	};
}

function workspaceSources() {
	const libraries = packageNames().filter((name) => name !== "cli");
	return Object.fromEntries(
		libraries.map((name) => [
			`@varve/${name}`,
			join(root, "packages", name, "src/index.ts"),
		]),
	);
}

/** A program started meanwhile finds an entry only when all it imports is there. */
function entriesLast(files) {
	const rank = ({ path }) => (basename(path).startsWith("chunk-") ? 0 : 1);
	return [...files].sort((a, b) => rank(a) - rank(b));
}

function removeOthers(written) {
	for (const name of readdirSync(target))
		if (name.endsWith(".js") && !written.has(name)) rmSync(join(target, name));
}
