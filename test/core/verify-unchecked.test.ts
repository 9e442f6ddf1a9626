import { expect, test } from "vitest";
import { uncheckedBy } from "../../packages/core/src/verify/unchecked.ts";

const run = { isPartial: false, packsListed: 5, packsRead: 5 };

test.each(["data", "scrub"] as const)(
	"verification of level %s says that it hashes no pack as a whole",
	(level) => {
		expect(uncheckedBy({ ...run, level }).join("\n")).toMatch(
			/SHA-256 of whole packs, which is their name/,
		);
	},
);

test("verification of the structure says that the content of packs was not read, and no more of it", () => {
	const said = uncheckedBy({ ...run, level: "structure", packsRead: 0 });
	expect(said.join("\n")).toMatch(/the content of files/);
	expect(said.join("\n")).not.toMatch(/SHA-256|of 5 packs/);
});
