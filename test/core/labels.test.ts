import { InputError, type LabelChange, type SnapshotId } from "@varve/format";
import fc from "fast-check";
import { describe, expect, test } from "vitest";
import {
	addTags,
	pin,
	removeTags,
	setNote,
	setTags,
	unpin,
} from "../../packages/core/src/labels/change-labels.ts";
import {
	effectiveChanges,
	mergeLabels,
	type NamedLabel,
} from "../../packages/core/src/labels/merge-labels.ts";
import { listSnapshots } from "../../packages/core/src/query/list-snapshots.ts";
import { type FakeRepository, fakeRepository } from "./fake-repository.ts";

const snapshot = "00".repeat(32) as SnapshotId;
const born = { tags: ["a"], pin: false, note: "" };

const label = (
	second: number,
	uuid: string,
	change: LabelChange,
): NamedLabel => {
	const time = new Date(second * 1000).toISOString();
	return { uuid, label: { ...change, snapshot, time } };
};

const tag = fc.constantFrom("a", "b", "c");
const change = fc.oneof(
	fc.record({ op: fc.constantFrom("add-tag", "remove-tag"), value: tag }),
	fc.record({ op: fc.constantFrom("pin", "unpin") }),
	fc.record({ op: fc.constantFrom("note", "expire"), value: tag }),
) as fc.Arbitrary<LabelChange>;

describe("merge", () => {
	test("later changes count, in the order of time and then uuid", () => {
		const changes = [
			label(3, "a", { op: "add-tag", value: "c" }),
			label(1, "z", { op: "remove-tag", value: "a" }),
			label(2, "b", { op: "pin" }),
			label(2, "a", { op: "unpin" }),
			label(2, "c", { op: "note", value: "why" }),
			label(2, "d", { op: "expire", value: "2027-01-01T00:00:00.000Z" }),
		];
		const merged = {
			tags: ["c"],
			pin: true,
			note: "why",
			expires: "2027-01-01T00:00:00.000Z",
		};
		expect(mergeLabels(born, changes)).toEqual(merged);
		const never = label(4, "a", { op: "expire", value: "" });
		expect(mergeLabels(born, [...changes, never]).expires).toBeUndefined();
	});

	test("whatever order labels are listed in, the result is the same", () => {
		const labels = fc
			.array(fc.tuple(fc.nat(5), change), { maxLength: 8 })
			.map((all) => all.map(([at, c], i) => label(at, String(i), c)));
		const shuffled = labels.chain((all) =>
			fc.tuple(
				fc.constant(all),
				fc.shuffledSubarray(all, { minLength: all.length }),
			),
		);
		fc.assert(
			fc.property(shuffled, ([all, other]) => {
				expect(mergeLabels(born, other)).toEqual(mergeLabels(born, all));
			}),
			{ seed: 1, numRuns: 200 },
		);
	});

	test("changes that change nothing are left out, and what is left has the same effect", () => {
		fc.assert(
			fc.property(fc.array(change, { maxLength: 8 }), (changes) => {
				const labels = mergeLabels(born, []);
				const effective = effectiveChanges(labels, changes);
				const named = (all: readonly LabelChange[]) =>
					all.map((c, i) => label(i, "", c));
				const result = mergeLabels(born, named(changes));
				expect(mergeLabels(born, named(effective))).toEqual(result);
				const again = effectiveChanges(result, effective.slice(-1));
				expect(again).toEqual([]);
			}),
			{ seed: 2, numRuns: 200 },
		);
	});
});

async function labelsOf(repository: FakeRepository) {
	const [snapshot] = await listSnapshots(repository);
	return { tags: snapshot?.tags, pin: snapshot?.pin, note: snapshot?.note };
}

describe("change", () => {
	test("tags, pins and notes are changed by labels, once", async () => {
		const repository = fakeRepository();
		const { id } = await repository.add({ tags: ["a"] });
		const count = async () => (await repository.backend.list("labels")).length;
		expect(await addTags(repository, [id], ["a", "b"])).toMatchObject([
			{ id, changes: 1, labels: { tags: ["a", "b"] } },
		]);
		await addTags(repository, [id], ["b"]);
		expect(await count()).toBe(1);
		await pin(repository, [id]);
		await pin(repository, [id]);
		await setNote(repository, [id], "kept for the audit");
		expect(await count()).toBe(3);
		await setTags(repository, [id], ["c", "b"]);
		expect(await labelsOf(repository)).toEqual({
			tags: ["b", "c"],
			pin: true,
			note: "kept for the audit",
		});
		await unpin(repository, [id]);
		await removeTags(repository, [id], ["b", "z"]);
		const last = { tags: ["c"], pin: false, note: "kept for the audit" };
		expect(await labelsOf(repository)).toEqual(last);
		await repository.cache.clear();
		expect(await labelsOf(repository)).toEqual(last);
		expect(await repository.backend.list("leases")).toEqual([]);
	});

	test("the last change counts also when the clock has gone back", async () => {
		const repository = fakeRepository();
		const { id } = await repository.add({});
		await pin(repository, [id]);
		repository.time -= 3_600_000;
		await unpin(repository, [id]);
		expect((await labelsOf(repository)).pin).toBe(false);
	});

	test("several snapshots are changed under one lease, or none if one is missing", async () => {
		const repository = fakeRepository();
		const one = await repository.add({ note: "1" });
		const two = await repository.add({ note: "2" });
		const done = await addTags(repository, [one.id, two.id], ["x"]);
		expect(done.map(({ changes }) => changes)).toEqual([1, 1]);
		await repository.write((stage) =>
			repository.backend.remove(stage, "snapshots", two.id),
		);
		const both = addTags(repository, [one.id, two.id], ["y"]);
		await expect(both).rejects.toThrow();
		expect((await labelsOf(repository)).tags).toEqual(["x"]);
	});

	test.each(["", " a", "a,b", "a\n"])("%j is no tag", async (tag) => {
		const repository = fakeRepository();
		await expect(addTags(repository, [], [tag])).rejects.toThrow(InputError);
	});
});
