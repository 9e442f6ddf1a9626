import { cpSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { type FsLayer, nodeFs } from "@varve/store";
import { makeTree } from "@varve/testkit";
import { beforeAll, describe, expect, test } from "vitest";
import { type FsCall, plannedFs } from "./planned-fs.ts";
import {
	type Kept,
	keep,
	leftoversIn,
	lookAfter,
	makeSmall,
	noise,
	takeIn,
	within,
	workshop,
} from "./workshop.ts";

const place = workshop("crash-points");
const base = place.fresh("repository");
const source = place.fresh("source");
let first: Kept;

beforeAll(async () => {
	makeTree(source, { old: noise(2000, 3), sub: { kept: noise(2000, 5) } });
	await makeSmall(base);
	first = await keep(base, source);
	writeFileSync(join(source, "old"), noise(3000, 7));
	makeTree(join(source, "new"), { a: noise(9000, 11), b: "short", c: {} });
});

/** A process that dies at the n-th change it makes to the repository: nothing that it does from then on has an effect. */
function dyingFs(at: number): { fs: FsLayer; calls: FsCall[] } {
	const calls: FsCall[] = [];
	const fs = plannedFs(nodeFs, (call) => {
		if (call.changes) calls.push(call);
		return calls.length >= at ? new Error("the process is dead") : undefined;
	});
	return { fs, calls };
}

async function dieAt(
	at: number,
): Promise<{ location: string; calls: FsCall[] }> {
	const location = place.fresh("repository");
	cpSync(base, location, { recursive: true, preserveTimestamps: true });
	const { fs, calls } = dyingFs(at);
	await within(location, (repository) => takeIn(repository, source), fs).catch(
		() => undefined,
	);
	return { location, calls };
}

/** Where it died, for people. */
function describeCall(call: FsCall | undefined): string {
	const path = (call?.path ?? "").replace(place.folder, "");
	return `${call?.operation} ${path.replace(/[0-9a-f]{32,}/g, "…")}`;
}

describe("a snapshot whose process dies at any of its changes", () => {
	const wrong: string[] = [];
	const left: string[] = [];
	let points = 0;

	beforeAll(async () => {
		const undisturbed = await dieAt(Number.POSITIVE_INFINITY);
		for (let at = 1; at <= undisturbed.calls.length; at++, points++) {
			const { location, calls } = await dieAt(at);
			const when = `dead at ${at}, ${describeCall(calls[at - 1])}`;
			const after = { source, kept: [first] };
			const { complaints } = await lookAfter(location, after);
			wrong.push(...complaints.map((complaint) => `${when}: ${complaint}`));
			left.push(...leftoversIn(location).map((name) => `${when}: ${name}`));
		}
	});

	test("leaves a repository without damage, in which the next snapshot succeeds (T01)", () => {
		expect(points).toBeGreaterThan(40);
		expect(wrong).toEqual([]);
	});

	test("leaves no stage and no lease that the next snapshot does not clear", () => {
		expect(left).toEqual([]);
	});
});
