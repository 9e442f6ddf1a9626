// One step on a made-up repository, in a process of its own so that its memory can be told. Prints a line of JSON.

import {
	forget,
	freedBy,
	gc,
	listSnapshots,
	openRepository,
	planForget,
	removedBy,
	verify,
} from "@varve/core";

const [step, location, now] = process.argv.slice(2);
const policy = { keepDaily: 7, keepWeekly: 4, keepMonthly: 12, keepYearly: 5 };
const steps = {
	"forget --dry-run": async (repository) => {
		const ids = removedBy(await planOf(repository));
		return { removed: ids.length, bytes: await freedBy(repository, ids) };
	},
	forget: async (repository) => {
		const { forgotten } = await forget(repository, await planOf(repository));
		return { removed: forgotten.length };
	},
	"gc --dry-run": (repository) => collect(repository, { dryRun: true }),
	gc: (repository) => collect(repository, {}),
	"gc again": (repository) => collect(repository, {}),
	verify: async (repository) => {
		const { findings, chunks } = await verify(repository, { level: "data" });
		return { findings: findings.length, chunks };
	},
};

async function planOf(repository) {
	const all = await listSnapshots(repository);
	return planForget(all, { policy, now: repository.clock.now() });
}

async function collect(repository, options) {
	const result = await gc(repository, { grace: 0, ...options });
	const { snapshots, waitingFor, ...rest } = result;
	return { ...rest, snapshots: snapshots.length, waiting: waitingFor.length };
}

const repository = await openRepository({
	location,
	cacheFolder: `${location}.cache`,
	workers: 0,
	clock: { now: () => Number(now), offsetMinutes: () => 0 },
});
const started = performance.now();
const before = process.cpuUsage();
const result = await steps[step](repository);
const seconds = (performance.now() - started) / 1000;
const { user, system } = process.cpuUsage(before);
await repository.close();
process.stdout.write(
	`${JSON.stringify({
		step,
		seconds: round(seconds),
		cpuSeconds: round((user + system) / 1e6),
		peakMegabytes: Math.round(process.resourceUsage().maxRSS / 1000),
		...result,
	})}\n`,
);

function round(value) {
	return Math.round(value * 100) / 100;
}
