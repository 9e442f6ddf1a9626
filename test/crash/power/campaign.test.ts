import { describe, expect, test } from "vitest";
import { type Extent, runScenario } from "./campaign.ts";
import { type Flaw, withoutFileSync, withoutFolderSync } from "./flaws.ts";
import { scenarios } from "./scenarios.ts";

async function failuresOf(name: string, extent: Extent): Promise<string[]> {
	const scenario = scenarios.find((each) => each.name === name);
	if (scenario === undefined) throw new Error(`no scenario ${name}`);
	return (await runScenario(scenario, extent)).failures;
}

describe("a loss of power is noticed by the campaign if the store leaves out the sync of", () => {
	const flaws: readonly [what: string, scenario: string, flaw: Flaw][] = [
		["packs", "first snapshot", withoutFileSync("packs/")],
		["segments", "first snapshot", withoutFileSync("segments/")],
		["records", "first snapshot", withoutFileSync("snapshots/")],
		["labels", "labels", withoutFileSync("labels/")],
		[
			"marks of forgotten ones",
			"forget and unforget",
			withoutFileSync("forgotten/"),
		],
		["lists of gc", "gc", withoutFileSync("gc/")],
		["the config", "init", withoutFileSync("config")],
		["folders of packs", "first snapshot", withoutFolderSync(/^\/packs\/../)],
		[
			"the folder of records",
			"first snapshot",
			withoutFolderSync(/^\/snapshots$/),
		],
		["the folder of labels", "labels", withoutFolderSync(/^\/labels$/)],
		[
			"the folder of marks",
			"forget and unforget",
			withoutFolderSync(/^\/forgotten$/),
		],
		["the repository's folder", "init", withoutFolderSync(/^$/)],
	];

	test.each(flaws)("%s (T01, T02)", async (_, scenario, without) => {
		// The list of a gc is gone again when it ends; the others stand at the end.
		const last = scenario === "gc" ? undefined : 4;
		const extent = { seed: 1, variants: 20, without, last, enough: 1 };
		expect(await failuresOf(scenario, extent)).not.toEqual([]);
	});
});
