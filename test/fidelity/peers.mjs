// What Varve, restic and borg give back of the torture tree, as the table of docs/fidelity.md.
//
//   node test/fidelity/peers.mjs [FOLDER]       as root; FOLDER is new, and removed at the end
//
// A feature is "yes" if its directory comes back equal in every aspect, else the aspects that differ are named.

import { spawnSync } from "node:child_process";
import { mkdirSync, mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { featureDifferences } from "./differences.mjs";
import { growTortureTree } from "./torture-tree.mjs";

const program = fileURLToPath(
	new URL("../../packages/cli/bin/varve.js", import.meta.url),
);
const folder = process.argv[2] ?? mkdtempSync(join(tmpdir(), "varve-peers-"));
const source = join(folder, "source");

const env = {
	...process.env,
	HOME: folder,
	RESTIC_PASSWORD: "fidelity",
	BORG_BASE_DIR: folder,
	BORG_UNKNOWN_UNENCRYPTED_REPO_ACCESS_IS_OK: "yes",
};

function run(cwd, command, ...args) {
	const { status, error } = spawnSync(command, args, {
		cwd,
		env,
		maxBuffer: 2 ** 28,
	});
	if (error) throw error;
	return status;
}

function version(command, ...args) {
	const { stdout } = spawnSync(command, args, { env });
	return stdout.toString().trim().split(" ").slice(0, 2).join(" ");
}

/** Each: store the source, restore it, and return the directory that should equal it. */
const tools = {
	varve(at) {
		const varve = [process.execPath, program, "-r", `${at}/repository`];
		run(at, ...varve, "init");
		run(at, ...varve, "snapshot", source);
		run(at, ...varve, "restore", `latest:${source}`, "-t", `${at}/out`);
		return `${at}/out`;
	},
	restic(at) {
		const restic = ["restic", "-r", `${at}/repository`];
		run(at, ...restic, "init");
		run(at, ...restic, "backup", source);
		run(at, ...restic, "restore", "latest", "-t", `${at}/out`);
		return `${at}/out${source}`;
	},
	borg(at) {
		run(at, "borg", "init", "-e", "none", `${at}/repository`);
		run(at, "borg", "create", `${at}/repository::one`, source);
		mkdirSync(`${at}/out`);
		const extract = ["borg", "extract", "--sparse", "--numeric-ids"];
		run(`${at}/out`, ...extract, `${at}/repository::one`);
		return `${at}/out${source}`;
	},
};

mkdirSync(folder, { recursive: true });
const { made, refused } = growTortureTree(source);
for (const { name, reason } of refused) console.error(`not ${name}: ${reason}`);
const found = new Map();
for (const [name, roundTrip] of Object.entries(tools)) {
	const at = join(folder, name);
	mkdirSync(at);
	found.set(name, featureDifferences(source, roundTrip(at), made));
}
const names = [
	`varve ${version(process.execPath, program, "--version")}`,
	version("restic", "version"),
	version("borg", "--version"),
];
console.log(`| | ${names.join(" | ")} |\n|---|---|---|---|`);
for (const feature of made) {
	const cells = [...found.values()].map((features) => {
		const aspects = features.get(feature);
		return aspects.length === 0 ? "yes" : `not: ${aspects.join(", ")}`;
	});
	console.log(`| ${feature} | ${cells.join(" | ")} |`);
}
rmSync(folder, { recursive: true });
