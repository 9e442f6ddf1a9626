// npm, npx and the pnpm that package.json pins, run as tools of the project: quietly, and untouched by the settings of the npm
// that may have started us.

import { existsSync, readFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { root } from "./stamps.mjs";
import { runTool } from "./tool.mjs";

/** Runs the pinned pnpm; options as for runTool. */
export function runPnpm(args, options) {
	const { packageManager } = JSON.parse(
		readFileSync(join(root, "package.json"), "utf8"),
	);
	return runBeside("npx", ["--yes", packageManager, ...args], {
		what: `pnpm ${args[0]}`,
		...options,
	});
}

export function runNpm(args, options) {
	return runBeside("npm", args, { what: `npm ${args[0]}`, ...options });
}

function runBeside(name, args, options) {
	const { program, first, shell } = commandOf(name);
	const env = { ...withoutOwnSettings(process.env), ...options.env };
	return runTool(program, [...first, ...args], { ...options, env, shell });
}

/** npm tells its children where it is; npx lies beside it. */
function commandOf(name) {
	const directory = dirname(process.env.npm_execpath ?? "");
	const beside = join(directory, `${name}-cli.js`);
	if (existsSync(beside))
		return { program: process.execPath, first: [beside], shell: false };
	return { program: name, first: [], shell: process.platform === "win32" };
}

const ownSettings =
	/^npm_(?!config_)|^npm_config_(loglevel|silent|dry_run|json|omit|production|only|ignore_scripts|workspaces?|package|call|if_present)$|^(node_env|init_cwd)$/i;

/**
 * npm hands its settings to its children: what was meant for `npm start` alone must not reach an installation, nor what
 * `npm --prefix` makes of this checkout (a place for global packages and settings).
 */
function withoutOwnSettings(env) {
	const kept = Object.entries(env).filter(
		([name, value]) =>
			!ownSettings.test(name) &&
			!(/^npm_config_/i.test(name) && join(value, "/").startsWith(root)),
	);
	return {
		...Object.fromEntries(kept),
		npm_config_loglevel: "warn",
		npm_config_update_notifier: "false",
	};
}
