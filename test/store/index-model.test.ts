import { afterEach, describe, expect, test } from "vitest";
import {
	expectAnswers,
	type FakeFrame,
	type FakePack,
	FakeRepository,
	idsOfPack,
	makePack,
	newChunk,
	randomNumbers,
} from "./index-fixture.ts";

let repository: FakeRepository;
afterEach(() => repository.dispose());

/** Random packs: most chunks new, some known; some frames with bases. */
function randomPack(known: readonly string[], random: () => number): FakePack {
	const pick = () => known[Math.floor(random() * known.length)] as string;
	const chunk = () =>
		known.length > 0 && random() < 0.15 ? pick() : newChunk();
	const frames = Array.from(
		{ length: 1 + Math.floor(random() * 4) },
		(): FakeFrame => ({
			chunks: Array.from({ length: 1 + Math.floor(random() * 12) }, chunk),
			bases:
				known.length > 0 && random() < 0.3
					? Array.from({ length: 1 + Math.floor(random() * 3) }, pick)
					: [],
		}),
	);
	return makePack(frames);
}

const anyOf = <T>(items: Iterable<T>, random: () => number): T | undefined => {
	const all = [...items];
	return all[Math.floor(random() * all.length)];
};

/** One random change of the repository, as snapshots, gc and their interruptions make them. */
async function change(random: () => number): Promise<void> {
	const known = [...repository.packs.values()].flatMap(idsOfPack);
	const dice = random();
	if (dice < 0.5 || repository.segments.size < 5) {
		const count = 1 + Math.floor(random() * 3);
		await repository.addSegment(
			...Array.from({ length: count }, () => randomPack(known, random)),
		);
	} else if (dice < 0.6) await repository.addPacks(randomPack(known, random));
	else if (dice < 0.7) {
		const segment = anyOf(repository.segments.keys(), random);
		if (segment) await repository.removeSegment(segment);
	} else if (dice < 0.8) {
		const pack = anyOf(repository.packs.keys(), random);
		if (pack) await repository.removePack(pack);
	} else if (dice < 0.9) {
		const pack = anyOf(repository.packs.keys(), random);
		if (pack && !repository.condemned.delete(pack))
			repository.condemned.add(pack);
	} else if (dice < 0.93) await rewriteSegments(random);
}

/** As gc does: new segments for old ones, without the packs that are gone. */
async function rewriteSegments(random: () => number): Promise<void> {
	const old = [...repository.segments.values()].filter(() => random() < 0.7);
	const packs = new Map(
		old.flatMap((s) => s.packs).map((pack) => [pack.id, pack]),
	);
	for (const id of packs.keys())
		if (!repository.packs.has(id)) packs.delete(id);
	if (packs.size > 0) await repository.addSegment(...packs.values());
	for (const { name } of old)
		if (repository.segments.size > 1) await repository.removeSegment(name);
}

describe("T43 T46 the index, against a plain map", () => {
	for (const seed of [1, 2, 3, 4])
		test(`answers as a fresh one through random changes, seed ${seed}`, async () => {
			repository = new FakeRepository();
			const random = randomNumbers(seed);
			let index = await repository.caughtUp();
			let answeredByLevel = 0;
			for (let step = 0; step < 80; step++) {
				await change(random);
				if (random() < 0.4) {
					await index.close();
					index = await repository.open();
				}
				if (random() < 0.6 || step === 79) {
					await index.catchUp(repository.listing());
					expectAnswers(repository, index);
					if (index.lookupDescriptor.level) answeredByLevel++;
				} else if (random() < 0.5)
					await index.records([...repository.snapshots.keys()]);
			}
			await index.close();
			expect(repository.warningCodes()).toEqual([]);
			expect(answeredByLevel).toBeGreaterThan(5);
		});

	test("answers the same without a cache", async () => {
		repository = new FakeRepository();
		const random = randomNumbers(5);
		const index = await repository.open({ cached: false });
		for (let step = 0; step < 30; step++) {
			await change(random);
			await index.catchUp(repository.listing());
			expectAnswers(repository, index);
		}
		await index.close();
		expect(repository.warningCodes()).toEqual([]);
	});
});
