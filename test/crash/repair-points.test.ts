import { isVarveError, StorageError, verify } from "@varve/core";
import type { RemoveBackend } from "@varve/store";
import { faultyBackend } from "@varve/testkit";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import {
	Bench,
	backendWith,
	type Content,
	type Files,
	filesOf,
	noise,
	openOn,
	readAll,
	worse,
	wrong,
} from "./repair/bench.ts";
import { type Woe, woes } from "./repair/woes.ts";
import { share } from "./workshop.ts";

/** A prime, so that what is left out of one verb is tried of another. */
const step = share || 7;

const benches: Bench[] = [];
beforeAll(async () => {
	for (const copies of [false, true])
		benches.push(
			await Bench.make(
				{
					kept: noise(3000, 1),
					sub: { large: noise(9000, 2), text: "words ".repeat(900) },
					changed: noise(2500, 3),
				},
				{ changed: noise(2500, 4), more: { a: noise(3000, 5), b: "short" } },
				{ copies },
			),
		);
});
afterAll(() => {
	for (const bench of benches) bench.remove();
});

type State = Readonly<Record<string, readonly string[] | number>>;

/** What is not as it should be. */
function differences(state: State, expected: State): string[] {
	return Object.keys(expected).flatMap((what) => {
		const [is, was] = [state[what], expected[what]].map((v) =>
			JSON.stringify(v),
		);
		return is === was ? [] : [`${what}: ${is}, not ${was}`.slice(0, 400)];
	});
}

/** What somebody can tell of a repository who knows nothing of ids. */
async function stateOf(backend: RemoveBackend): Promise<State> {
	await using repository = await openOn(backend);
	const contents = await readAll(repository);
	const { findings } = await verify(repository, { level: "data" });
	const away = (await backend.list("quarantine")).map(({ name }) => name);
	const forgotten = await backend.list("forgotten");
	return {
		contents: [...contents.values()].map(textOf).sort(),
		findings: findings.map(({ code }) => code).sort(),
		away: away.filter((name) => !name.startsWith("segments")).sort(),
		forgotten: forgotten.length,
		leases: (await backend.list("leases")).length,
	};
}

const textOf = (content: Content) =>
	JSON.stringify([...content].map(([path, hash]) => [path, hash ?? "lost"]));

interface Course {
	readonly bench: Bench;
	readonly woe: Woe;
	readonly damaged: Files;
	/** Where it ends if nothing goes wrong. */
	readonly end: State;
	readonly calls: number;
}

async function courseOf(woe: Woe, bench: Bench): Promise<Course> {
	const backend = await bench.fresh();
	await woe.damage(backend, bench);
	const damaged = await filesOf(backend);
	const counting = faultyBackend(backend, []);
	await woe.mend(await openOn(counting));
	const calls = counting.calls.length;
	return { bench, woe, damaged, end: await stateOf(backend), calls };
}

/** Dies at the n-th call of the backend: nothing that comes after it happens. Then the repair is done again. */
async function complaintsAbout(
	{ bench, woe, damaged, end }: Course,
	nth: number,
): Promise<string[]> {
	const backend = await backendWith(damaged);
	const before = await readAll(await openOn(backend));
	const error = () => new StorageError("STORAGE_FAILED", "made to fail", {});
	const dying = faultyBackend(backend, [{ nth, always: true, error }]);
	const complaints: string[] = [];
	await openOn(dying, { dies: true })
		.then(woe.mend)
		.catch((failure) => {
			if (!isVarveError(failure)) complaints.push(`ends with ${failure.stack}`);
		});
	const halfway = await readAll(await openOn(backend));
	complaints.push(
		...worse(before, halfway).map((path) => `${path} cannot be read any more`),
		...wrong(bench.contents, halfway).map((path) => `${path} is wrong`),
	);
	await woe.mend(await openOn(backend));
	const after = await stateOf(backend);
	complaints.push(...differences(after, end));
	const packs = await backend.list("packs");
	await woe.mend(await openOn(backend));
	if ((await backend.list("packs")).length !== packs.length)
		complaints.push("done once more it does something");
	return complaints.map(
		(text) => `call ${nth} (${dying.calls.at(nth - 1)}): ${text}`,
	);
}

describe.each(woes.map((woe) => [woe.name, woe] as const))("%s", (_, woe) => {
	test.each([
		["without copies", 0],
		["with copies", 1],
	])(
		"%s, killed at any operation loses nothing that could be read, and done again ends the same (T45)",
		async (_, which) => {
			const course = await courseOf(woe, benches[which] as Bench);
			const complaints: string[] = [];
			for (let nth = 1; nth <= course.calls; nth += step)
				complaints.push(...(await complaintsAbout(course, nth)));
			expect(complaints).toEqual([]);
			expect(course.calls).toBeGreaterThan(20);
		},
		600_000,
	);
});
