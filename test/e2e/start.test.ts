import { readFileSync, statSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { expect, test } from "vitest";

const dist = fileURLToPath(new URL("../../packages/cli/dist", import.meta.url));
const statically =
	/^(?:import|export)\b[^;(]*?from\s*"([^"]+)"|^import "([^"]+)"/gm;

/** Files of the bundle, and modules outside it, that are loaded when this one is. */
function loadedWith(file: string, seen = new Set<string>()): Set<string> {
	if (seen.has(file)) return seen;
	seen.add(file);
	if (!file.startsWith("./")) return seen;
	const text = readFileSync(join(dist, file), "utf8");
	for (const [, named, bare] of text.matchAll(statically))
		loadedWith(named ?? bare ?? "", seen);
	return seen;
}

function bytesOf(loaded: ReadonlySet<string>): number {
	const files = [...loaded].filter((file) => file.startsWith("./"));
	return files.reduce((sum, file) => sum + statSync(join(dist, file)).size, 0);
}

test("the program starts with the parser and little else: no codec, no database, no verb", () => {
	const loaded = loadedWith("./main.js");
	expect(loaded.size).toBeGreaterThan(3);
	const outside = [...loaded].filter((file) => !file.startsWith("./"));
	expect(outside.filter((name) => !name.startsWith("node:"))).toEqual([]);
	expect(bytesOf(loaded)).toBeLessThan(250_000);
});

test("a worker thread loads no command and no parser", () => {
	const loaded = loadedWith("./worker.js");
	expect(bytesOf(loaded)).toBeLessThan(250_000);
});
