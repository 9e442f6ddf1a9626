// `npm start -- ARGS`: what `varve ARGS` would do, in the directory npm was called from.

import { join } from "node:path";
import { pathToFileURL } from "node:url";
import { prepare } from "./prepare.mjs";
import { root } from "./stamps.mjs";

await prepare();
const program = join(root, "packages/cli/bin/varve.js");
process.argv[1] = program;
// npm runs scripts in the root directory, wherever it was called.
if (process.env.INIT_CWD) process.chdir(process.env.INIT_CWD);
await import(pathToFileURL(program).href);
