// Years of hourly snapshots with forget and gc each day, on a clock that is ahead of the real one: does the repository stay as small as what
// it keeps, and the program as fast and as small as on the first day?
//
//   node test/crash/endurance.mjs --seed 1 --days 1826 --work /dev/shm
//
// --days     simulated
// --files    of the tree
// --changes  of files in an hour
// --hours    between two snapshots
// --grace    days for which what is forgotten can be brought back
// --pack-mib size of packs: small, so that the tree fills many
// --measure  days between two lines on how large and how fast it is by then
//
// SIGINT ends the years at the end of the day, and what there is then is judged.

import {
	mkdirSync,
	readdirSync,
	readFileSync,
	rmSync,
	statSync,
} from "node:fs";
import { join } from "node:path";
import {
	forget,
	gc,
	initRepository,
	listSnapshots,
	openRepository,
	planForget,
	restore,
	selectSnapshot,
	snapshot,
	verify,
	wholeScope,
} from "@varve/core";
import { campaign } from "./campaign.mjs";
import {
	contentOf,
	firstHour,
	LivingTree,
	writeState,
} from "./living-tree.mjs";
import { filesIn } from "./repository-files.mjs";

const defaults = {
	days: 365,
	files: 60,
	changes: 4,
	hours: 1,
	grace: 7,
	"pack-mib": 4,
	measure: 30,
};
const policy = { keepDaily: 7, keepWeekly: 4, keepMonthly: 12, keepYearly: 5 };
const day = 24 * 3600_000;
/** Packs beyond those that have a quarter of a full one: gc leaves so many small ones of each kind alone, and a day brings some. */
const mostSmallPacks = 64;
const mostSegments = 40;
const mostMegabytes = 400;
/** A part of the packs' bytes beyond the least that is possible. */
const mostOverhead = 0.1;

let isEnding = false;
process.once("SIGINT", () => {
	isEnding = true;
});

await campaign("endurance", defaults, async ({ options, folder, log }) => {
	const clock = fakeClock();
	const lived = await open(initRepository, {
		folder,
		name: "lived",
		clock,
		options,
	});
	const hourOf = await live(lived, { options, folder, log, clock });
	await lived.close();
	await judge({ options, folder, log, hourOf });
});

/** The years. Returns the hour at which each snapshot was taken. */
async function live(repository, { options, folder, log, clock }) {
	const hourOf = new Map();
	const source = join(folder, "source");
	const tree = new LivingTree(options);
	let before = new Map();
	const spent = { snapshot: 0, forget: 0, gc: 0 };
	for (let hour = 0; hour < options.days * 24; hour++) {
		if (hour > 0) tree.step(options.changes);
		if (hour % options.hours !== 0) continue;
		const state = tree.state();
		writeState(source, state, before);
		before = state;
		clock.time = firstHour * 1000 + hour * 3600_000;
		const id = await timed(spent, "snapshot", () => take(repository, source));
		hourOf.set(id, hour);
		log.count("snapshots");
		if (hour % 24 !== 24 - options.hours) continue;
		await timed(spent, "forget", () => forgetSome(repository, log));
		await timed(spent, "gc", () => collect(repository, options.grace, log));
		const days = (hour + options.hours) / 24;
		log.counts.lived = days;
		if (days % options.measure === 0)
			measure({ folder, log, days, spent, options });
		if (isEnding) break;
	}
	clock.time += day * (options.grace + 1);
	const last = await collect(repository, 0, log);
	log.counts.unusedBytes = last.bytesUnused;
	return hourOf;
}

/** Ahead of all files' times, and set by hand. */
function fakeClock() {
	const clock = {
		time: firstHour * 1000,
		now: () => clock.time,
		offsetMinutes: () => 0,
	};
	return clock;
}

function open(by, { folder, name, clock, options }) {
	return by({
		location: join(folder, `${name}.repository`),
		cacheFolder: join(folder, `${name}.cache`),
		workers: 0,
		clock,
		parameters: { packBytes: options["pack-mib"] * 2 ** 20 },
		identity: { host: "endurance", user: "nobody" },
	});
}

async function timed(spent, what, work) {
	const started = performance.now();
	const result = await work();
	spent[what] += performance.now() - started;
	return result;
}

async function take(repository, source) {
	const { id } = await snapshot(repository, {
		roots: [{ path: source, kind: "directory", names: [] }],
		scope: wholeScope,
	});
	return id;
}

async function forgetSome(repository, log) {
	const all = await listSnapshots(repository);
	const plan = planForget(all, { policy, now: repository.clock.now() });
	const { forgotten } = await forget(repository, plan);
	log.count("forgotten", forgotten.length);
}

async function collect(repository, grace, log) {
	const result = await gc(repository, { grace: grace * day });
	log.count("collections");
	log.count("packsRepacked", result.packsRepacked);
	log.count("bytesRepacked", result.bytesRepacked);
	log.expect(
		result.state === "swept" || result.state === "nothing",
		`a gc was ${result.state}`,
	);
	return result;
}

/** What there is on one day: told, and held against bounds that do not depend on how many days there were. */
function measure({ folder, log, days, spent, options }) {
	const files = countFiles(folder, "lived");
	const megabytes = Math.round(process.memoryUsage().rss / 1e6);
	const each = Object.entries(spent).map(
		([what, ms]) => `${what} ${Math.round(ms)} ms`,
	);
	log.tell(
		`day ${days}: ${Math.round(files.packBytes / 1e3)} kB in ${files.packs} packs, ${files.segments} segments, ${files.snapshots} snapshots, cache ${Math.round(files.cacheBytes / 1e3)} kB, ${megabytes} MB of memory; in ${options.measure} days ${each.join(", ")}`,
	);
	for (const what of Object.keys(spent)) spent[what] = 0;
	const quarter = options["pack-mib"] * 2 ** 18;
	log.expect(
		files.packs <= mostSmallPacks + files.packBytes / quarter,
		`day ${days}: there are ${files.packs} packs`,
	);
	log.expect(
		files.segments <= mostSegments,
		`day ${days}: there are ${files.segments} segments`,
	);
	log.expect(
		megabytes <= mostMegabytes,
		`day ${days}: ${megabytes} MB of memory`,
	);
	log.counts.mostPacks = Math.max(log.counts.mostPacks ?? 0, files.packs);
	log.counts.mostSegments = Math.max(
		log.counts.mostSegments ?? 0,
		files.segments,
	);
	log.counts.mostCacheBytes = Math.max(
		log.counts.mostCacheBytes ?? 0,
		files.cacheBytes,
	);
}

function countFiles(folder, name) {
	const found = filesIn(join(folder, `${name}.repository`));
	const of = (kind) => found.filter((file) => file.kind === kind);
	const bytes = (files) => files.reduce((sum, { size }) => sum + size, 0);
	return {
		packs: of("packs").length,
		packBytes: bytes(of("packs")),
		segments: of("segments").length,
		snapshots: of("snapshots").length,
		others: ["leases", "tmp", "gc", "forgotten"].flatMap(of).length,
		cacheBytes: bytes(filesIn(join(folder, `${name}.cache`))),
	};
}

/** Once it is over: what is kept is exact, and takes little more than it would have taken alone. */
async function judge({ options, folder, log, hourOf }) {
	const clock = fakeClock();
	clock.time += options.days * day;
	const lived = await open(openRepository, {
		folder,
		name: "lived",
		clock,
		options,
	});
	const kept = await listSnapshots(lived);
	log.counts.kept = kept.length;
	const hours = kept.map(({ id }) => hourOf.get(id));
	const states = statesAt(hours, options);
	const report = await verify(lived, { level: "data" });
	log.expect(
		report.findings.length === 0,
		() => `verify: ${JSON.stringify(report.findings).slice(0, 500)}`,
	);
	for (const [i, { id }] of kept.entries())
		await mustBeExact(lived, { id, state: states[i], folder, log });
	await lived.close();
	await makeIdeal({ folder, states, hours, options });
	const now = countFiles(folder, "lived");
	const ideal = countFiles(folder, "ideal");
	const overhead = now.packBytes / ideal.packBytes - 1;
	Object.assign(log.counts, {
		packBytes: now.packBytes,
		idealBytes: ideal.packBytes,
		overhead: Math.round(overhead * 1000) / 1000,
		packs: now.packs,
		segments: now.segments,
		peakMegabytes: Math.round(process.resourceUsage().maxRSS / 1000),
	});
	// What gc leaves unused whatever share that is: a sixteenth of a pack.
	const spared = options["pack-mib"] * 2 ** 16;
	log.expect(
		now.packBytes - spared <= ideal.packBytes * (1 + mostOverhead),
		`the packs take ${now.packBytes} bytes, and ${ideal.packBytes} without a past`,
	);
	log.expect(now.others === 0, `${now.others} files are left that should not`);
}

/** The states of the tree at these hours, lived through again. */
function statesAt(hours, options) {
	const tree = new LivingTree(options);
	const last = Math.max(...hours);
	const wanted = new Set(hours);
	const states = new Map([[0, tree.state()]]);
	for (let hour = 1; hour <= last; hour++) {
		tree.step(options.changes);
		if (wanted.has(hour)) states.set(hour, tree.state());
	}
	return hours.map((hour) => states.get(hour));
}

async function mustBeExact(repository, { id, state, folder, log }) {
	const target = join(folder, "restored");
	const report = await restore(repository, {
		snapshot: await selectSnapshot(repository, id),
		subpath: join(folder, "source"),
		target,
	});
	const found = new Map(
		readdirSync(target, { withFileTypes: true, recursive: true })
			.filter((entry) => entry.isFile())
			.map((entry) => {
				const full = join(entry.parentPath, entry.name);
				return [full.slice(target.length + 1), full];
			}),
	);
	const wrong = [...state].find(([path, file]) => {
		const full = found.get(path);
		return (
			full === undefined ||
			!readFileSync(full).equals(contentOf(file)) ||
			statSync(full).mtimeMs !== (firstHour + file.hour) * 1000
		);
	});
	log.expect(
		wrong === undefined &&
			found.size === state.size &&
			report.problems.length === 0,
		`${id.slice(0, 8)} does not restore as it was: ${wrong?.[0]}`,
	);
	rmSync(target, { recursive: true });
	log.count("restored");
}

/** A repository that never had anything but these. */
async function makeIdeal({ folder, states, hours, options }) {
	const clock = fakeClock();
	const source = join(folder, "source");
	rmSync(source, { recursive: true });
	mkdirSync(source);
	const repository = await open(initRepository, {
		folder,
		name: "ideal",
		clock,
		options,
	});
	let before = new Map();
	for (const [i, state] of states.entries()) {
		writeState(source, state, before);
		before = state;
		clock.time = firstHour * 1000 + hours[i] * 3600_000;
		await take(repository, source);
	}
	await repository.close();
}
