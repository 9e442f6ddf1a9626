// Writes docs/commands.md from what the built program says of itself.

import { execFileSync } from "node:child_process";
import { writeFileSync } from "node:fs";
import { fileURLToPath } from "node:url";

const program = fileURLToPath(new URL("../bin/varve.js", import.meta.url));
const page = fileURLToPath(
	new URL("../../../docs/commands.md", import.meta.url),
);
writeFileSync(page, execFileSync(process.execPath, [program, "__reference"]));
