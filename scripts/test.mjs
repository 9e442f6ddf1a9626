// `npm test -- ARGS`: `vitest run ARGS` on what the sources say now.

import { join } from "node:path";
import { pathToFileURL } from "node:url";
import { prepare } from "./prepare.mjs";
import { root } from "./stamps.mjs";

await prepare();
process.chdir(root);
const vitest = join(root, "node_modules/vitest/vitest.mjs");
process.argv.splice(1, 1, vitest, "run");
await import(pathToFileURL(vitest).href);
