#!/usr/bin/env node
// Starts the built program. Plain enough to be read by a Node that is too old for it.

import { existsSync } from "node:fs";

const version = process.versions.node.split(".").map(Number);
const program = new URL("../dist/main.js", import.meta.url);

function explain(reason) {
	if (reason && reason.code === "ERR_MODULE_NOT_FOUND" && !existsSync(program))
		return "varve is not built; in a checkout, run: npm run build";
	if (
		reason &&
		reason.code === "MODULE_NOT_FOUND" &&
		/zstd-napi/.test(reason.stack)
	)
		return "varve: zstd-napi has not been compiled; run: npm rebuild zstd-napi (needs a C++ compiler; with pnpm: pnpm approve-builds)";
	return undefined;
}

function fail(reason) {
	const sentence = explain(reason);
	if (sentence === undefined) throw reason;
	console.error(sentence);
	process.exitCode = 1;
}

if (version[0] < 20 || (version[0] === 20 && version[1] < 12)) {
	console.error(`varve needs Node 20.12 or newer; this is ${process.version}`);
	process.exitCode = 1;
} else {
	import(program.href)
		.then(({ main }) => main(process.argv.slice(2)))
		.then((code) => {
			process.exitCode = code;
		})
		.catch(fail);
}
