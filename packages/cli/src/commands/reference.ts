import type { CommandFile } from "../command-entry.ts";
import { shapeOf } from "../program-shape.ts";
import { referencePage } from "../reference.ts";

/** The page docs/commands.md. */
export const command: CommandFile = {
	define() {
		// Nothing to say.
	},
	examples: [],
	async run({ screen }) {
		const { commandTable } = await import("../command-table.ts");
		screen.printVerbatim(referencePage(await shapeOf(commandTable)));
		return 0;
	},
};
