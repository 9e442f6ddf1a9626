// Makes the checkout ready to run: installed and built. Silent and quick when it is ready already.

import { build, isBuilt } from "./compile.mjs";
import { install, isInstalled } from "./install.mjs";

const oldest = [20, 12];

/** Returns when everything is installed and built; otherwise says why not on standard error, and exits with 1. */
export async function prepare() {
	requireNode();
	if (isInstalled() && isBuilt()) return;
	const { exclusively } = await import("./lock.mjs");
	const { StepFailed } = await import("./tool.mjs");
	try {
		await exclusively(async () => {
			await install();
			await build();
		});
	} catch (error) {
		if (!(error instanceof StepFailed)) throw error;
		process.stderr.write(`${error.output}\nvarve: ${error.message}\n`);
		process.exit(1);
	}
}

function requireNode() {
	const [major, minor] = process.versions.node.split(".").map(Number);
	if (major > oldest[0] || (major === oldest[0] && minor >= oldest[1])) return;
	console.error(
		`varve needs Node ${oldest.join(".")} or newer; this is ${process.version}`,
	);
	process.exit(1);
}
