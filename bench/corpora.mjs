// Prepares the corpora of the bench, each once. See README.md beside this file.
import { existsSync } from "node:fs";
import { join } from "node:path";
import { parseArgs } from "node:util";
import { benchDirectory, corpora, prepare } from "./corpora/prepare.mjs";

const USAGE = `node bench/corpora.mjs [--dir DIR] [--size N] [--seed N] [--force] NAME… | --all | --list

Prepares corpora below DIR (VARVE_BENCH_DIR, or varve-bench in the temporary directory; best a tmpfs).
A second call does nothing. --size counts what the list below says.
`;

function list(directory) {
	for (const [name, { unit, size, absent }] of Object.entries(corpora)) {
		const there = existsSync(join(directory, name)) ? "prepared" : "";
		const reason = there ? "" : (absent?.() ?? "");
		const amount = size ? `${size} ${unit}` : "";
		console.log(
			`${name.padEnd(17)} ${amount.padEnd(30)} ${there}${reason}`.trimEnd(),
		);
	}
}

async function prepareAndTell(name, options) {
	const begun = process.hrtime.bigint();
	const { fresh, files, directories, bytes, allocated } = await prepare(
		name,
		options,
	);
	const seconds = Number(process.hrtime.bigint() - begun) / 1e9;
	const how = fresh ? `made in ${seconds.toFixed(1)} s` : "was there";
	const megabytes = (amount) => `${Math.round(amount / 1e6)} MB`;
	console.log(
		`${name}: ${how}: ${files} files, ${directories} directories, ${megabytes(bytes)}, ${megabytes(allocated)} allocated`,
	);
}

async function main() {
	const { values, positionals } = parseArgs({
		allowPositionals: true,
		options: {
			dir: { type: "string", default: benchDirectory() },
			size: { type: "string" },
			seed: { type: "string", default: "1" },
			force: { type: "boolean", default: false },
			all: { type: "boolean", default: false },
			list: { type: "boolean", default: false },
		},
	});
	if (values.list) return list(values.dir);
	const names = values.all ? Object.keys(corpora) : positionals;
	if (names.length === 0) {
		console.log(USAGE);
		return list(values.dir);
	}
	const options = {
		directory: values.dir,
		seed: Number(values.seed),
		force: values.force,
		...(values.size && { size: Number(values.size) }),
	};
	for (const name of names) {
		const absent = corpora[name]?.absent?.();
		if (absent && !existsSync(join(values.dir, name)))
			console.log(`${name}: skipped: ${absent}`);
		else await prepareAndTell(name, options);
	}
}

try {
	await main();
} catch (error) {
	console.error(error.message);
	process.exitCode = 1;
}
