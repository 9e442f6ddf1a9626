// How the one native module without a prebuilt binary in its package, zstd-napi, comes to be on this machine.

import { accessSync, constants, existsSync } from "node:fs";
import { delimiter, dirname, join, resolve } from "node:path";

/**
 * `way` is "node-gyp" (compiled by the package's own script, with `env`), "direct" (compiled by compile-zstd.mjs, for want of
 * Node's headers, Python or make), or "its own" (no compiler, or Windows: the package's script may fetch a binary).
 */
export function nativeBuild() {
	const prefix = resolve(dirname(process.execPath), "..");
	const headers = existsSync(join(prefix, "include/node/node_api.h"));
	const compiler = onPath("c++") && onPath("cc");
	if (process.platform === "win32" || !compiler)
		return { way: "its own", env: {} };
	if (!headers || !onPath("python3") || !onPath("make"))
		return { way: "direct", env: {} };
	return {
		way: "node-gyp",
		env: {
			npm_config_nodedir: prefix,
			npm_config_build_from_source: "zstd-napi",
			npm_config_jobs: "max",
		},
	};
}

function onPath(program) {
	return (process.env.PATH ?? "").split(delimiter).some((directory) => {
		try {
			accessSync(join(directory, program), constants.X_OK);
			return true;
		} catch {
			// Absent, or not for us to run: not usable, in either case.
			return false;
		}
	});
}
