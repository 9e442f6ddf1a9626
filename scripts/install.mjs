// Installs what the lockfile names, with the pnpm that package.json pins, from the package registry alone.
//
// zstd-napi is native and is compiled. All native modules use Node-API, which newer versions of Node keep: another Node needs no
// new installation, only a look whether they load.

import { existsSync, readFileSync } from "node:fs";
import { join } from "node:path";
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
	return hashContent([...files, ...manifests], platform());
}

export function isInstalled() {
	return modulesAreThere(installStamp()) && stampFits("native", nativeStamp());
}

export async function install() {
	const stamp = installStamp();
	if (!modulesAreThere(stamp)) {
		dropStamp("install");
		await installModules();
		writeStamp("install", stamp);
	}
	if (!stampFits("native", nativeStamp())) {
		dropStamp("native");
		await makeNativeModulesLoad();
		writeStamp("native", nativeStamp());
	}
}

function platform() {
	return `${process.platform} ${process.arch}`;
}

function nativeStamp() {
	return `${installStamp()} ${process.versions.modules}`;
}

function modulesAreThere(stamp) {
	return (
		stampFits("install", stamp) &&
		existsSync(join(root, "node_modules", ".modules.yaml")) &&
		packageNames().every(hasItsModules)
	);
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

async function installModules() {
	const { nativeBuild } = await import("./native-build.mjs");
	const { runPnpm } = await import("./package-tools.mjs");
	console.error(
		"varve: installing dependencies (about 20 seconds the first time: zstd is compiled)",
	);
	const { way, env } = nativeBuild();
	const options = way === "direct" ? ["--ignore-scripts"] : [];
	await runPnpm(
		[
			"install",
			"--frozen-lockfile",
			"--reporter=append-only",
			"--config.confirmModulesPurge=false",
			...options,
		],
		{ env },
	);
}

/** Ends with modules that load, or throws what the compiler or the loader said. */
async function makeNativeModulesLoad() {
	const { runNode, StepFailed } = await import("./tool.mjs");
	const check = () => runNode("scripts/load-native.mjs");
	try {
		await check();
	} catch (error) {
		if (!(error instanceof StepFailed)) throw error;
		// Not compiled yet, or for another C library: compiling helps, or the second check says why not.
		await compileNativeModules();
		await check();
	}
}

async function compileNativeModules() {
	const { nativeBuild } = await import("./native-build.mjs");
	const { way, env } = nativeBuild();
	if (way === "direct") {
		const { compileZstd } = await import("./compile-zstd.mjs");
		await compileZstd();
	} else {
		const { runPnpm } = await import("./package-tools.mjs");
		await runPnpm(["rebuild", "--recursive"], { env });
	}
}
