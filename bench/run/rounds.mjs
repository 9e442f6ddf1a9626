// Runs the chosen rows for each tool in alternation, round by round, and gathers what each cost.
import { join } from "node:path";
import { setImmediate as turn } from "node:timers/promises";
import { CommandFailed, Session } from "./session.mjs";

/** Sessions by tool, and by tool and row for the rows that have a repository of their own. */
function openSessions({ tools, rows, directory, source, meter, patience }) {
	const sessions = new Map();
	const open = (tool, name) => {
		const options = { directory: join(directory, name), meter, patience };
		sessions.set(name, new Session(tool, { ...options, source: source.path }));
	};
	for (const tool of tools) {
		open(tool, tool.name);
		for (const row of rows)
			if (row.apart) open(tool, `${tool.name}-${row.name}`);
	}
	return (tool, row) =>
		sessions.get(row.apart ? `${tool.name}-${row.name}` : tool.name);
}

function runOne(session, row, options) {
	try {
		return row.run(session, options);
	} catch (error) {
		if (error instanceof CommandFailed) return { failed: error.message };
		throw error;
	}
}

/** What `tool` pays for `row`: measured, taken from another row of the round, or undefined when it cannot do it. */
function measureRow(session, row, { options, earlier }) {
	const { tool } = session;
	const twin = tool.instead?.[row.name];
	if (twin !== undefined) {
		const usage = earlier.find(
			(one) => one.row === twin && one.tool === tool.name,
		);
		return usage && { ...usage, row: row.name, taken: twin };
	}
	if (!session.can(row.verb)) return undefined;
	const base = earlier.find(
		(one) =>
			row.after.includes(one.row) && one.tool === tool.name && one.failed,
	);
	if (base) return { failed: `not run, because ${base.row} failed` };
	return runOne(session, row, options);
}

/** Each round begins with another tool: who comes first may have to fetch fresh memory from the machine's host. */
function inTurn(tools, round) {
	const first = (round - 1) % tools.length;
	return [...tools.slice(first), ...tools.slice(0, first)];
}

/**
 * Runs `rows` for `tools`, `count` times over: for each row every tool in turn, each round from another one on. Returns the measurements,
 * `{ round, row, tool, wall, user, … }`, of all rows that were asked for; `tell` hears of each.
 */
export async function runRounds({ count, tell, options, ...where }) {
	const { tools, rows, source } = where;
	const session = openSessions(where);
	const measurements = [];
	for (let round = 1; round <= count; round++) {
		const earlier = [];
		for (const row of rows) {
			source.bring(row.state ?? "now");
			for (const tool of inTurn(tools, round)) {
				const wanted = { options, earlier };
				const usage = measureRow(session(tool, row), row, wanted);
				await turn(); // lets an interrupt be heard
				if (usage === undefined) continue;
				earlier.push({ ...usage, round, row: row.name, tool: tool.name });
				tell(earlier.at(-1), row);
			}
		}
		measurements.push(...earlier);
	}
	const asked = new Set(rows.filter((row) => row.asked).map((row) => row.name));
	return measurements.filter((each) => asked.has(each.row));
}
