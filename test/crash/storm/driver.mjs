// One process of the storm: opens the repository and does what its role says, again and again, until its standard input ends or it is killed.
// Tells each thing before and after it is done, a line of JSON each. Started by crew.mjs.

import { writeSync } from "node:fs";
import { rm } from "node:fs/promises";
import { join } from "node:path";
import { seeded } from "../random.mjs";
import {
	firstState,
	nextState,
	noteOf,
	stateIn,
	writeState,
	wrongPath,
} from "./pool-tree.mjs";

const way = process.env.VARVE_STORM_SABOTAGE;
/** In one file, as users have it: it is there in half the time. */
const bundle = new URL("../../../packages/cli/dist/index.js", import.meta.url);
const {
	forget,
	gc,
	isVarveError,
	listSnapshots,
	openRepository,
	planForget,
	restore,
	snapshot,
	verify,
	wholeScope,
} = await import(way ? "@varve/core" : bundle.href);

const orders = JSON.parse(process.argv[2]);
const random = seeded(orders.seed);
const repository = await openRepository({
	location: way
		? await (await import("./sabotage.mjs")).openSabotaged(orders.location, way)
		: orders.location,
	cacheFolder: orders.cache,
	workers: 0,
	// Ahead of all files' times, so that snapshots trust them and inherit from their parents.
	clock: { now: () => Date.now() + 3_600_000, offsetMinutes: () => 0 },
	identity: orders.identity,
});

let isStopping = false;
process.stdin.on("end", () => {
	isStopping = true;
});
process.stdin.resume();

const roles = { writer, reader, collector, slow };
const work = roles[orders.role]();
tell({ ready: true });
while (!isStopping && !orders.isOver) {
	try {
		await work();
	} catch (error) {
		tell({
			failed: isVarveError(error) ? error.code : "BUG",
			class: error.name,
			message: error.stack,
		});
	}
	// Of several collectors none may keep the others out for ever.
	const pause = random.below(orders.pause ?? 20);
	await new Promise((resolve) => setTimeout(resolve, pause));
}
await repository.close();

/** Takes snapshots of a tree of its own that changes in between. */
function writer() {
	const source = join(orders.folder, `source-${orders.name}`);
	let state = firstState(random);
	let serial = 0;
	return async () => {
		state = nextState(state, random);
		writeState(source, state);
		const note = noteOf(orders.name, `${process.pid}-${serial++}`, state);
		await take(source, note);
	};
}

async function take(source, note, more = {}) {
	tell({ began: "snapshot", note });
	const { id } = await snapshot(repository, {
		roots: [{ path: source, kind: "directory", names: [] }],
		scope: wholeScope,
		note,
		force: random.below(6) === 0,
		...more,
	});
	tell({ done: "snapshot", id, note });
}

/** One snapshot, as slow as it is told to be, of content that nobody else has. */
function slow() {
	const source = join(orders.folder, "source-slow");
	return async () => {
		orders.isOver = true;
		await take(source, "slow", { readRate: orders.readRate });
	};
}

function reader() {
	return async () => {
		const kind = random.below(10);
		if (kind < 7) await readBack();
		else await look(kind === 9 ? "data" : "structure");
	};
}

async function readBack() {
	const target = join(orders.folder, `target-${orders.name}`);
	await rm(target, { recursive: true, force: true });
	const all = (await listSnapshots(repository)).filter(
		({ note }) => note !== "slow",
	);
	const one = random.pick(all);
	if (one === undefined) return;
	tell({ began: "restore", id: one.id });
	repository.objects.outdate();
	const report = await restore(repository, {
		snapshot: one,
		subpath: one.record.roots[0].path,
		target,
	});
	const problems = report.problems.map(({ path, reason }) => [path, reason]);
	const wrong = wrongPath(target, stateIn(one.note));
	tell({ done: "restore", id: one.id, wrong, problems });
}

async function look(level) {
	tell({ began: "verify" });
	const { findings } = await verify(repository, { level });
	tell({ done: "verify", level, findings });
}

/** Forgets all but the last few of each source, then frees what nobody needs. */
function collector() {
	return async () => {
		const plan = planForget(await listSnapshots(repository), {
			policy: { keepLast: 1 + random.below(3) },
			now: repository.clock.now(),
		});
		const ids = plan.groups.flatMap(({ remove }) => remove.map(({ id }) => id));
		tell({ began: "forget", ids });
		await forget(repository, plan);
		tell({ done: "forget" });
		tell({ began: "gc" });
		const { state, packs, packsRegrouped } = await gc(repository, {
			grace: 0,
			maxUnused: random.below(2) === 0 ? { bytes: 0 } : undefined,
			wait: random.below(2) === 0 ? 5000 : undefined,
			repack: random.below(2) === 0 ? { age: 0 } : undefined,
		});
		tell({ done: "gc", state, packs, packsRegrouped });
	};
}

/** At once: a killed process has told what it has done. */
function tell(message) {
	const bytes = Buffer.from(`${JSON.stringify(message)}\n`);
	for (let at = 0; at < bytes.length; )
		try {
			at += writeSync(1, bytes, at);
		} catch (error) {
			if (error.code !== "EAGAIN") throw error;
		}
}
