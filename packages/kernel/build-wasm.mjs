// Compiles assembly/gear.ts to dist/gear.wasm.

import { mkdirSync } from "node:fs";
import { join } from "node:path";
import * as asc from "assemblyscript/asc";

const home = import.meta.dirname;
mkdirSync(join(home, "dist"), { recursive: true });
const { error, stderr } = await asc.main([
	"assembly/gear.ts",
	...["--baseDir", home],
	...["--outFile", "dist/gear.wasm"],
	...["--optimizeLevel", "3", "--converge", "--noAssert"],
	...["--runtime", "stub", "--importMemory", "--initialMemory", "1"],
]);
if (error) {
	console.error(stderr.toString());
	throw error;
}
