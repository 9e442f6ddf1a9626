import {
	decodeList,
	decodeTree,
	encodeList,
	ItemKind,
	idAt,
	idBytes,
	idToBytes,
	type SnapshotRecord,
} from "@varve/format";
import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { addTags, pin } from "../../packages/core/src/labels/change-labels.ts";
import {
	cacheUsage,
	clearCache,
	readConfig,
	showSnapshot,
} from "../../packages/core/src/query/repository-facts.ts";
import { stats } from "../../packages/core/src/query/stats.ts";
import { directory, type FakeObjects, type FakeTree } from "./fake-objects.ts";
import { fakeRepository } from "./fake-repository.ts";

/** Ids of all objects that a snapshot refers to. */
function reachable(objects: FakeObjects, record: SnapshotRecord): Set<string> {
	const found = new Set<string>();
	const visitItems = (content: ReturnType<typeof decodeList>) => {
		let at = 0;
		for (const kind of content.kinds) {
			if (kind === ItemKind.zeros) continue;
			const id = idAt(content.ids, at);
			at += idBytes;
			found.add(id);
			const bytes = objects.chunks.get(id) as Uint8Array;
			if (kind === ItemKind.list) visitItems(decodeList(bytes));
		}
	};
	const visit = (tree: string) => {
		found.add(tree);
		for (const node of decodeTree(objects.chunks.get(tree) as Uint8Array)) {
			if (node.tree !== undefined) visit(node.tree);
			visitItems(node.content);
		}
	};
	for (const root of record.roots) visit(root.tree);
	if (record.scan !== undefined) {
		found.add(record.scan);
		visitItems(decodeList(objects.chunks.get(record.scan) as Uint8Array));
	}
	return found;
}

const text = fc.constantFrom(
	"",
	"a",
	"b",
	"0123456789".repeat(20),
	"x".repeat(70),
);
const leaf = fc.dictionary(fc.constantFrom("f", "g"), text);
const tree = fc.record({ d: leaf, e: leaf, f: text }).map(
	({ d, e, f }): FakeTree => ({
		d: directory(d),
		e: directory({ d: directory(e) }),
		f,
	}),
);

describe("stats", () => {
	test("what each snapshot alone holds is what no other one reaches", async () => {
		await fc.assert(
			fc.asyncProperty(
				fc.array(tree, { minLength: 1, maxLength: 5 }),
				fc.nat(31),
				fc.constantFrom(1, 2, 1000),
				async (trees, mask, chunksAtATime) => {
					const repository = fakeRepository();
					const all = [];
					for (const [i, tree] of trees.entries()) {
						const record = { trees: { "/r": tree }, note: `${i}` };
						all.push(await repository.add(record));
					}
					const asked = all.filter((_, i) => (mask >> i) & 1);
					const sums = (ids: readonly string[]) => {
						const lengths = ids.map(
							(id) => repository.objects.chunks.get(id)?.length as number,
						);
						const rawBytes = lengths.reduce((a, b) => a + b, 0);
						const halves = lengths.map((length) => Math.round(length / 2));
						const storedBytes = halves.reduce((a, b) => a + b, 0);
						return { objects: ids.length, rawBytes, storedBytes };
					};
					const reach = all.map(({ record }) =>
						reachable(repository.objects, record),
					);
					const found = await stats(repository, asked, { chunksAtATime });
					for (const [k, { alone, id }] of found.snapshots.entries()) {
						const i = all.findIndex((one) => one.id === id);
						expect(asked[k]?.id).toBe(id);
						const others = reach.filter((_, j) => j !== i);
						const own = [...(reach[i] as Set<string>)].filter(
							(object) => !others.some((other) => other.has(object)),
						);
						expect(alone).toEqual(sums(own));
					}
					const askedReach = reach.filter((_, i) => (mask >> i) & 1);
					const union = new Set(askedReach.flatMap((one) => [...one]));
					expect(found.referred).toEqual(sums([...union]));
				},
			),
			{ seed: 5, numRuns: 60 },
		);
	});

	test("many passes over the chunks have the same result as one", async () => {
		const repository = fakeRepository(8);
		const text = Array.from({ length: 200 }, (_, i) => `${i}`.padStart(8)).join(
			"",
		);
		const counts = {
			...(await repository.add({})).record.statistics,
			chunksAdded: 200,
		};
		const one = await repository.add({
			trees: { "/r": { text } },
			statistics: counts,
		});
		const whole = await stats(repository, [one]);
		repository.objects.reads.length = 0;
		expect(await stats(repository, [one], { chunksAtATime: 50 })).toEqual(
			whole,
		);
		const tree = one.record.roots[0]?.tree;
		expect(repository.objects.reads.filter((id) => id === tree)).toHaveLength(
			4,
		);
		expect(whole.snapshots[0]?.alone.objects).toBeGreaterThan(200);
	});

	test("scan states and hard links belong to their snapshots; forgotten ones do not count", async () => {
		const repository = fakeRepository();
		const piece = repository.objects.put(new Uint8Array(100));
		const list = encodeList({
			kinds: [ItemKind.chunk],
			lengths: [100],
			ids: idToBytes(piece),
		});
		const scan = repository.objects.put(list);
		const trees = { "/r": { f: "f" } };
		const one = await repository.add({ trees, scan });
		const two = await repository.add({ trees });
		const before = await stats(repository, [one]);
		expect(before.snapshots[0]?.alone.rawBytes).toBe(100 + list.length);
		await repository.forget(two.id);
		const after = await stats(repository, [one]);
		expect(after.snapshots[0]?.alone.objects).toBe(2 + 2);
	});

	test("a signal ends it", async () => {
		const repository = fakeRepository();
		const entries = Array.from({ length: 300 }, (_, i) => [
			`d${i}`,
			directory({ i: `${i}` }),
		]);
		const one = await repository.add({
			trees: { "/r": Object.fromEntries(entries) },
		});
		const reason = new Error("enough");
		const signal = AbortSignal.abort(reason);
		await expect(stats(repository, [one], { signal })).rejects.toBe(reason);
		expect(await repository.backend.list("leases")).toEqual([]);
	});
});

describe("facts", () => {
	test("a snapshot is shown with what happened to its labels", async () => {
		const repository = fakeRepository();
		const parent = await repository.add({});
		const one = await repository.add({ parent: parent.id });
		await pin(repository, [one.id]);
		repository.time += 1000;
		await addTags(repository, [one.id], ["x"]);
		const shown = await showSnapshot(repository, one);
		expect(shown.labels.map(({ op }) => op)).toEqual(["pin", "add-tag"]);
		expect(shown.hasParent).toBe(true);
		expect((await showSnapshot(repository, parent)).hasParent).toBe(false);
	});

	test("a repository says what lies in it", async () => {
		const repository = fakeRepository();
		await repository.add({});
		const { kinds, location, config } = await readConfig(repository);
		expect(location).toBe("memory");
		expect(config).toBe(repository.config);
		expect(kinds).toEqual([
			{ kind: "snapshots", files: 1, bytes: expect.any(Number) },
		]);
	});

	test("a cache says what it held when it is cleared", async () => {
		const repository = fakeRepository();
		await repository.cache.put("x", new Uint8Array(1));
		expect((await clearCache(repository)).parts[0]?.files).toBe(1);
		expect((await cacheUsage(repository)).parts[0]?.files).toBe(0);
	});
});
