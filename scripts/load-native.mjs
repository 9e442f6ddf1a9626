// Exits with 0 if every native module of the program loads. They are looked up from the packages that depend on them.

import { createRequire } from "node:module";

const natives = [
	["kernel", "zstd-napi"],
	["store", "level"],
];
for (const [owner, name] of natives) {
	createRequire(new URL(`../packages/${owner}/package.json`, import.meta.url))(
		name,
	);
}
