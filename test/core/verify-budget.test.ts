import { makeTree } from "@varve/testkit";
import { describe, expect, test } from "vitest";
import type { Crew, Repository } from "../../packages/core/src/repository.ts";
import type { VerifyTask } from "../../packages/core/src/verify/tasks.ts";
import { verify } from "../../packages/core/src/verify/verify.ts";
import { noise, readingPlace, takeSnapshot } from "./reading-workplace.ts";
import { flip, tamperedBackend } from "./tampered-backend.ts";

const place = readingPlace("verify-budget");

/** Several packs of content. */
async function subject() {
	const folder = place.fresh("source");
	const files = Array.from({ length: 30 }, (_, i) => [
		`f${i}`,
		noise(6000, i + 1),
	]);
	makeTree(folder, Object.fromEntries(files));
	const backend = tamperedBackend();
	const repository = await place.repository({ location: backend });
	await takeSnapshot(repository, folder);
	const packs = await backend.files("packs");
	expect(packs.length).toBeGreaterThan(4);
	return { backend, repository, packs: packs.map(({ name }) => name) };
}

/** A repository whose every pack that is read at this level is noted, in order. */
function watched(repository: Repository, read: string[]): Repository {
	return {
		...repository,
		async startCrew(options): Promise<Crew> {
			const crew = await repository.startCrew(options);
			return new Proxy(crew, {
				get(target, name) {
					const own = Reflect.get(target, name);
					if (name === "submit")
						return (task: VerifyTask) => {
							for (const { from, pack } of task.ranges)
								if (from === undefined && read.at(-1) !== pack) read.push(pack);
							return target.submit(task);
						};
					return typeof own === "function" ? own.bind(target) : own;
				},
			});
		},
	};
}

describe("verify within a budget", () => {
	test("begins no pack once the time is used up, and says what remains", async () => {
		const { repository, packs } = await subject();
		const report = await verify(repository, { level: "data", budget: 0 });
		expect(report.findings).toEqual([]);
		expect(report.packs).toEqual({ listed: packs.length, read: 1 });
		expect(report.proofs?.unproved).toBe(packs.length - 1);
		expect(report.notChecked).toContain(
			`${packs.length - 1} of ${packs.length} packs`,
		);
	});

	test("reads what was read longest ago, so that runs one after the other come to all packs", async () => {
		const { repository, packs } = await subject();
		let now = 1_000_000;
		const clock = { ...repository.clock, now: () => (now += 1000) };
		const read: string[] = [];
		const subjects = { ...watched(repository, read), clock };
		for (const _ of packs) await verify(subjects, { level: "data", budget: 0 });
		expect([...read].sort()).toEqual([...packs].sort());
		const again = await verify(subjects, { level: "data", budget: 0 });
		expect(read.at(-1)).toBe(read[0]);
		expect(again.proofs).toMatchObject({ unproved: 0, unprovedBytes: 0 });
		expect(again.proofs?.oldest).toBeGreaterThan(1_000_000);
	});

	test("reads all if there is time", async () => {
		const { repository, packs } = await subject();
		const report = await verify(repository, {
			level: "data",
			budget: 3_600_000,
		});
		expect(report.packs.read).toBe(packs.length);
		expect(report.proofs?.unproved).toBe(0);
	});

	test("takes a share of the packs from those that were read longest ago", async () => {
		const { repository, packs } = await subject();
		const read: string[] = [];
		const subset = { kind: "percent", percent: 50 } as const;
		for (const _ of [1, 2])
			await verify(watched(repository, read), { level: "data", subset });
		expect(new Set(read).size).toBe(packs.length);
	});

	test("remembers what was proved before it was interrupted", async () => {
		const { repository, packs } = await subject();
		const interruption = new AbortController();
		let count = 0;
		const stopping: Repository = {
			...repository,
			async startCrew(options) {
				const crew = await repository.startCrew(options);
				const submit = crew.submit.bind(crew);
				crew.submit = async (task) => {
					if (++count === 6) interruption.abort(new Error("stopped"));
					await submit(task);
				};
				return crew;
			},
		};
		await expect(
			verify(stopping, { level: "data", signal: interruption.signal }),
		).rejects.toThrow("stopped");
		const times = await repository.index.verified(packs as never[]);
		expect(times.size).toBeGreaterThan(0);
		expect(times.size).toBeLessThan(packs.length);
	});

	test("reads a pack that was found damaged first the next time", async () => {
		const { backend, repository, packs } = await subject();
		await verify(repository, { level: "data" });
		const bad = packs[2] as string;
		backend.tamper("packs", bad, flip(100));
		await verify(repository, { level: "data" });
		const read: string[] = [];
		const report = await verify(watched(repository, read), {
			level: "data",
			budget: 0,
		});
		expect(read).toEqual([bad]);
		expect(report.findings.length).toBeGreaterThan(0);
		expect(report.proofs?.unproved).toBe(1);
	});
});
