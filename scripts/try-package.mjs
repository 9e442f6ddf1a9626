// Packs the published package, installs it into an empty folder with an empty HOME, compiles a program that embeds it, and runs
// both. Prints one JSON object: number of exports, version, bytes of the tarball, bytes and largest packages of the installation.
// zstd-napi is lent from this checkout, which compiled the same version; with --compile it is compiled once more, as a user's
// installation does. Exits with 75 when no package registry answers.

import {
	copyFileSync,
	lstatSync,
	mkdirSync,
	mkdtempSync,
	readdirSync,
	rmSync,
	writeFileSync,
} from "node:fs";
import { homedir, tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { nativeBuild } from "./native-build.mjs";
import { runNpm, runPnpm } from "./package-tools.mjs";
import { prepare } from "./prepare.mjs";
import { root } from "./stamps.mjs";
import { runNode, StepFailed } from "./tool.mjs";

const cannotTry = 75;
const compiles = process.argv.includes("--compile");

await prepare();
const place = mkdtempSync(join(tmpdir(), "varve-package-"));
try {
	const tarball = await pack(join(place, "tarball"));
	const folder = await installFrom(tarball);
	await compileUserOf(folder);
	const report = {
		exports: Number(await runInstalled(folder, ["user.mjs"])),
		version: (
			await runInstalled(folder, [
				"node_modules/varve/bin/varve.js",
				"--version",
			])
		).trim(),
		packedBytes: lstatSync(tarball).size,
		installedBytes: sizeOf(join(folder, "node_modules")),
		largest: largestPackages(join(folder, "node_modules")),
	};
	console.log(JSON.stringify(report, undefined, "\t"));
} catch (error) {
	if (!(error instanceof StepFailed)) throw error;
	process.stderr.write(`${error.output}\n${error.message}\n`);
	const unreachable = /ENOTFOUND|EAI_AGAIN|ECONNREFUSED|ETIMEDOUT|ENETUNREACH/;
	process.exitCode = unreachable.test(error.output) ? cannotTry : 1;
} finally {
	rmSync(place, { recursive: true, force: true });
}

async function pack(directory) {
	mkdirSync(directory);
	await runPnpm(["pack", "--pack-destination", directory], {
		cwd: join(root, "packages/cli"),
	});
	return join(directory, readdirSync(directory)[0]);
}

async function installFrom(tarball) {
	const folder = join(place, "folder");
	const home = join(place, "home");
	mkdirSync(folder);
	mkdirSync(home);
	writeFileSync(join(folder, "package.json"), '{ "private": true }');
	// The cache alone is shared, so that nothing is downloaded that this machine has.
	const cache = process.env.npm_config_cache ?? join(homedir(), ".npm");
	const native = nativeBuild();
	const options = compiles ? [] : ["--ignore-scripts"];
	await runNpm(
		[
			"install",
			"--prefer-offline",
			"--fetch-retries=1",
			"--no-audit",
			"--no-fund",
			...options,
			tarball,
		],
		{
			cwd: folder,
			env: { ...native.env, HOME: home, npm_config_cache: cache },
		},
	);
	if (!compiles) lendCompiledZstd(folder);
	return folder;
}

function lendCompiledZstd(folder) {
	const binding = "zstd-napi/build/Release/binding.node";
	const target = join(folder, "node_modules", binding);
	mkdirSync(dirname(target), { recursive: true });
	copyFileSync(join(root, "packages/kernel/node_modules", binding), target);
}

/** A program that embeds the package: its types must stand without the workspace, and so must its modules. */
async function compileUserOf(folder) {
	writeFileSync(
		join(folder, "user.mts"),
		'import * as varve from "varve";\nconsole.log(Object.keys(varve).length);\n',
	);
	await runNode(
		join(root, "node_modules/typescript/bin/tsc"),
		["--strict", "--module", "nodenext", "--types", "node", "user.mts"],
		{ cwd: folder, what: "compiling a user of the package" },
	);
}

/** Runs a script of the folder where nothing but the installation is known. */
function runInstalled(folder, [script, ...args]) {
	return runNode(join(folder, script), args, {
		cwd: folder,
		env: { PATH: process.env.PATH, HOME: join(place, "home") },
	});
}

function largestPackages(modules) {
	return readdirSync(modules)
		.flatMap((name) =>
			name.startsWith("@")
				? readdirSync(join(modules, name)).map((part) => join(name, part))
				: [name],
		)
		.map((name) => [name, sizeOf(join(modules, name))])
		.sort(([, a], [, b]) => b - a)
		.slice(0, 8);
}

function sizeOf(path) {
	const stat = lstatSync(path);
	if (!stat.isDirectory()) return stat.size;
	return readdirSync(path)
		.map((name) => sizeOf(join(path, name)))
		.reduce((sum, size) => sum + size, 0);
}
