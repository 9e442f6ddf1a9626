import { basename, relative } from "node:path";
import { quoteForShell } from "./escape-text.ts";
import type { Surroundings } from "./surroundings.ts";

/** How this program was called, so that a command we print can be typed as it stands. */
export function programWords({
	env,
	script,
	cwd,
}: Pick<Surroundings, "env" | "script" | "cwd">): string {
	if (env.npm_lifecycle_event === "start") return "npm start --";
	if (env.npm_lifecycle_event === "npx") return "npx varve";
	if (!basename(script).endsWith(".js")) return "varve";
	const path = relative(cwd, script);
	const shorter = path.startsWith("..") ? script : path;
	return `node ${quoteForShell(shorter)}`;
}
