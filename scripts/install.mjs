// Installs what the lockfile names, with the pnpm that package.json pins, from the package registry alone.
//
// zstd-napi is native. With Node's headers beside the binary and a compiler it is compiled here, without asking any other
// host; without them, its own installation tries to fetch a binary.

import { accessSync, constants, existsSync, readFileSync } from "node:fs";
import { delimiter, dirname, join, resolve } from "node:path";
import {
	dropStamp,
	hashContent,
	packageNames,
	root,
	stampFits,
	writeStamp,
} from "./stamps.mjs";

/** What the installed modules depend on, as a stamp. */
export function installStamp() {
	const manifests = packageNames().map(
		(name) => `packages/${name}/package.json`,
	);
	const files = ["package.json", "pnpm-lock.yaml", "pnpm-workspace.yaml"];
	const { platform, arch, versions } = process;
	return hashContent(
		[...files, ...manifests],
		`${platform} ${arch} ${versions.modules}`,
	);
}

export function isInstalled(stamp = installStamp()) {
	return (
		stampFits("install", stamp) &&
		existsSync(join(root, "node_modules", ".modules.yaml")) &&
		packageNames().every(hasItsModules)
	);
}

export async function install() {
	const stamp = installStamp();
	if (isInstalled(stamp)) return;
	dropStamp("install");
	console.error(
		"varve: installing dependencies (about 20 seconds the first time: zstd is compiled)",
	);
	const native = nativeBuild();
	await runPnpm(
		[
			"install",
			"--frozen-lockfile",
			"--config.confirmModulesPurge=false",
			...(native.way === "direct" ? ["--ignore-scripts"] : []),
		],
		native.env,
	);
	await makeNativeModulesLoad(native);
	writeStamp("install", stamp);
}

function hasItsModules(name) {
	const directory = join(root, "packages", name);
	const manifest = JSON.parse(
		readFileSync(join(directory, "package.json"), "utf8"),
	);
	const count = Object.keys({
		...manifest.dependencies,
		...manifest.devDependencies,
	}).length;
	return count === 0 || existsSync(join(directory, "node_modules"));
}

/** How zstd-napi comes to be, given what this machine has. */
function nativeBuild() {
	const prefix = resolve(dirname(process.execPath), "..");
	const headers = join(prefix, "include", "node");
	const compiler = ["c++", "g++", "clang++"].some(onPath);
	if (!existsSync(join(headers, "node_api.h")) || !compiler)
		return { way: "its own", env: {} };
	if (process.platform !== "win32" && !(onPath("python3") && onPath("make")))
		return { way: "direct", env: {}, headers };
	return {
		way: "node-gyp",
		env: {
			npm_config_nodedir: prefix,
			npm_config_build_from_source: "zstd-napi",
			npm_config_jobs: "max",
		},
	};
}

/** Ends with modules that load, or throws what the compiler said. */
async function makeNativeModulesLoad(native) {
	const { runNode } = await import("./tool.mjs");
	const check = () => runNode("scripts/load-native.mjs");
	if (native.way === "direct") {
		const { compileZstd } = await import("./compile-zstd.mjs");
		await compileZstd(native.headers);
		await check();
		return;
	}
	try {
		await check();
	} catch {
		// Modules compiled for another Node or C library: whatever the reason, the second check tells it if this does not help.
		await runPnpm(["rebuild", "--recursive"], native.env);
		await check();
	}
}

async function runPnpm(args, env) {
	const { runTool } = await import("./tool.mjs");
	const { packageManager } = JSON.parse(
		readFileSync(join(root, "package.json"), "utf8"),
	);
	const npx = npxCommand();
	await runTool(
		npx.program,
		[...npx.args, "--yes", packageManager, ...args, "--reporter=append-only"],
		{
			env: { ...cleanEnvironment(process.env), ...env },
			shell: npx.shell,
			what: `pnpm ${args[0]}`,
		},
	);
}

/** npm tells its children where it is; npx lies beside it. */
function npxCommand() {
	const beside = join(dirname(process.env.npm_execpath ?? ""), "npx-cli.js");
	if (existsSync(beside))
		return { program: process.execPath, args: [beside], shell: false };
	return { program: "npx", args: [], shell: process.platform === "win32" };
}

/** npm passes its settings to its children; those that were meant for `npm start` alone must not reach the installation. */
function cleanEnvironment(env) {
	const own =
		/^npm_(?!config_)|^npm_config_(loglevel|silent|prefix|local_prefix|global_prefix|globalconfig|dry_run|json|omit|production|only|ignore_scripts|workspaces?|package|call|if_present)$/i;
	const kept = Object.entries(env).filter(
		([name]) => !own.test(name) && name !== "NODE_ENV" && name !== "INIT_CWD",
	);
	return {
		...Object.fromEntries(kept),
		npm_config_loglevel: "warn",
		npm_config_update_notifier: "false",
	};
}

function onPath(program) {
	return (process.env.PATH ?? "").split(delimiter).some((directory) => {
		try {
			accessSync(join(directory, program), constants.X_OK);
			return true;
		} catch {
			return false;
		}
	});
}
