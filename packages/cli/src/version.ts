import { readFileSync } from "node:fs";

/** The version of this program. */
export function readVersion(): string {
	const manifest = readFileSync(new URL("../package.json", import.meta.url));
	const { version } = JSON.parse(manifest.toString()) as { version: string };
	return version;
}
