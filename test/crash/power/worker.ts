import { type Extent, runScenario } from "./campaign.ts";
import { scenarios } from "./scenarios.ts";

/** What power.mjs asks of a process: the names of all scenarios, or to run one. */
type Task =
	| { readonly list: true }
	| { readonly name: string; readonly extent: Extent };

process.once("message", async (task: Task) => {
	process.send?.(await answerTo(task), () => process.exit(0));
});

async function answerTo(task: Task): Promise<object> {
	if ("list" in task) return { names: scenarios.map(({ name }) => name) };
	const scenario = scenarios.find(({ name }) => name === task.name);
	if (scenario === undefined) throw new Error(`no scenario ${task.name}`);
	return runScenario(scenario, task.extent);
}
