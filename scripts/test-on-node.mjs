// Runs the suite on other versions of Node, by hand: node scripts/test-on-node.mjs [22 24 …]
// The package registry has Node itself, as the package `node`; it is installed below node_modules/.stamps and reused.

import { spawnSync } from "node:child_process";
import { existsSync, mkdirSync, writeFileSync } from "node:fs";
import { delimiter, join } from "node:path";
import { runNpm } from "./package-tools.mjs";
import { prepare } from "./prepare.mjs";
import { root, stampDirectory } from "./stamps.mjs";

const versions = process.argv.slice(2);
if (versions.length === 0) versions.push("22", "24");

// Native modules use Node-API, which is the same for all: what is installed for this Node serves the others.
await prepare();
// Where npm finds the settings of this machine depends on the Node it runs on.
const settings = (await runNpm(["config", "get", "globalconfig"])).trim();
const failed = [];
for (const version of versions) {
	const directory = await fetchNode(version);
	console.log(`\nNode ${version}`);
	if (!runSuite(directory)) failed.push(version);
}
if (failed.length > 0) {
	console.error(`the suite fails on Node ${failed.join(", ")}`);
	process.exitCode = 1;
}

/** The directory that holds the binary of a version such as "22". */
async function fetchNode(version) {
	const folder = join(stampDirectory, `node-${version}`);
	const bin = join(folder, "node_modules/node/bin");
	if (existsSync(bin)) return bin;
	console.error(`fetching Node ${version} (some 100 MB unpacked)`);
	mkdirSync(folder, { recursive: true });
	writeFileSync(join(folder, "package.json"), '{ "private": true }');
	await runNpm(["install", "--no-audit", "--no-fund", `node@${version}`], {
		cwd: folder,
	});
	return bin;
}

function runSuite(directory) {
	const { PATH } = process.env;
	const env = {
		...process.env,
		PATH: `${directory}${delimiter}${PATH}`,
		npm_config_globalconfig: settings,
	};
	const { status } = spawnSync(
		join(directory, "node"),
		[join(root, "node_modules/vitest/vitest.mjs"), "run"],
		{ cwd: root, stdio: "inherit", env },
	);
	return status === 0;
}
