// Installs what the lockfile names, with the pnpm that package.json pins, from the package registry alone.
//
// zstd-napi is native. With Node's headers beside the binary and a compiler it is compiled here, without asking any other
// host; without them, its own installation tries to fetch a binary.

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
	const { nativeBuild } = await import("./native-build.mjs");
	const { runPnpm } = await import("./package-tools.mjs");
	const native = nativeBuild();
	const options = native.way === "direct" ? ["--ignore-scripts"] : [];
	await runPnpm(
		[
			"install",
			"--frozen-lockfile",
			"--reporter=append-only",
			"--config.confirmModulesPurge=false",
			...options,
		],
		{ env: native.env },
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

/** Ends with modules that load, or throws what the compiler said. */
async function makeNativeModulesLoad(native) {
	const { runNode } = await import("./tool.mjs");
	const { runPnpm } = await import("./package-tools.mjs");
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
		await runPnpm(["rebuild", "--recursive"], { env: native.env });
		await check();
	}
}
