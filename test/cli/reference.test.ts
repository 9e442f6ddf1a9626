import { readFileSync } from "node:fs";
import { expect, test } from "vitest";
import { commandTable } from "../../packages/cli/src/command-table.ts";
import { shapeOf } from "../../packages/cli/src/program-shape.ts";
import { referencePage } from "../../packages/cli/src/reference.ts";

test("docs/commands.md says what the program says (else run packages/cli/scripts/write-reference.mjs)", async () => {
	const page = new URL("../../docs/commands.md", import.meta.url);
	expect(readFileSync(page, "utf8")).toBe(
		referencePage(await shapeOf(commandTable)),
	);
});

test("every command has words for each of its arguments and options, and an example that names it", async () => {
	const { commands } = await shapeOf(commandTable);
	for (const command of commands) {
		for (const { description } of [...command.arguments, ...command.options])
			expect(description).not.toBe("");
		const lines = command.examples.map(([line]) => line).join("\n");
		expect(lines).toContain(`varve ${command.name}`);
	}
});

test("names and aliases are unique", () => {
	const names = commandTable.flatMap(({ name, aliases }) => [name, ...aliases]);
	expect(new Set(names).size).toBe(names.length);
});
