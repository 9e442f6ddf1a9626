import { describe, expect, test } from "vitest";
import { programWords } from "../../packages/cli/src/invocation.ts";

const cwd = "/srv/project";

describe("a command that is printed begins as the program was called", () => {
	test.each([
		[{}, "/usr/local/bin/varve", "varve"],
		[{}, "/srv/project/bin/varve.js", "node bin/varve.js"],
		[{}, "/opt/two words/varve.js", "node '/opt/two words/varve.js'"],
		[{ npm_lifecycle_event: "start" }, "/opt/varve.js", "npm start --"],
		[{ npm_lifecycle_event: "npx" }, "/opt/varve", "npx varve"],
	])("%j, %s: %s", (env, script, words) => {
		expect(programWords({ env, script, cwd })).toBe(words);
	});
});
