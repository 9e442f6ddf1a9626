import {
	addTags,
	gc,
	listSnapshots,
	recover,
	repairIndex,
	repairPacks,
	repairSnapshots,
	requireStoredPolicy,
	setPolicy,
	verify,
} from "@varve/core";
import type { SnapshotId } from "@varve/format";
import type { RemoveBackend } from "@varve/store";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import {
	Bench,
	openOn,
	put,
	readAll,
	remove,
	takeIn,
	wrong,
} from "../crash/repair/bench.ts";

let bench: Bench;
beforeAll(async () => {
	bench = await Bench.usual();
});
afterAll(() => bench.remove());

/** The pack that holds the first chunk of a file, or the tree of a directory, of a snapshot. */
async function packOf(
	backend: RemoveBackend,
	snapshot: SnapshotId,
	path: string,
) {
	await using repository = await openOn(backend);
	const all = await listSnapshots(repository);
	const found = all.find(({ id }) => id === snapshot);
	await repository.objects.prepare();
	let tree = found?.record.roots[0]?.tree;
	let ids = new Uint8Array(0);
	for (const name of path.split("/").filter(Boolean)) {
		if (tree === undefined) break;
		const node = repository.objects.lookup(
			tree,
			new TextEncoder().encode(name),
		);
		tree = node?.tree;
		ids = (node?.content.ids ?? ids) as typeof ids;
	}
	const id = tree === undefined ? ids.slice(0, 32) : Buffer.from(tree, "hex");
	const [place] = repository.index.places(new Uint8Array(id));
	if (place === undefined) throw new Error(`no place of ${path}`);
	return place;
}

async function withoutPackOf(path: string, snapshot = bench.second) {
	const backend = await bench.fresh();
	const place = await packOf(backend, snapshot, path);
	await remove(backend, "packs", place.pack);
	return backend;
}

async function hurtIn(backend: RemoveBackend): Promise<string[]> {
	const { findings } = await verify(await openOn(backend), { level: "data" });
	return [...new Set(findings.flatMap(({ snapshots }) => snapshots))];
}

describe("repair snapshots", () => {
	test("does nothing where every snapshot is whole", async () => {
		const backend = await bench.fresh();
		const result = await repairSnapshots(await openOn(backend));
		expect(result).toMatchObject({ examined: 2, snapshots: [] });
		expect(await backend.list("snapshots")).toHaveLength(2);
	});

	test("makes another without the files that are lost, keeps the damaged one, and done again does nothing (T45)", async () => {
		const backend = await withoutPackOf("sub/large");
		const result = await repairSnapshots(await openOn(backend));
		expect(result.snapshots.length).toBeGreaterThan(0);
		const repository = await openOn(backend);
		const all = await listSnapshots(repository);
		expect(all).toHaveLength(2 + result.snapshots.length);
		const contents = await readAll(repository);
		for (const { id, replacement, lost } of result.snapshots) {
			const made = all.find((one) => one.id === replacement);
			expect(made?.record.provenance["repaired-from"]).toBe(id);
			const unread = made?.record.unread.map(({ path }) => path);
			expect(unread).toEqual(lost.map(({ path }) => path));
			const content = contents.get(replacement as SnapshotId);
			expect([...(content?.values() ?? [])]).not.toContain(undefined);
			const original = contents.get(id);
			const readable = [...(original ?? [])].filter(([, hash]) => hash);
			expect([...(content ?? [])].sort()).toEqual(readable.sort());
		}
		expect(wrong(bench.contents, contents)).toEqual([]);
		const again = await repairSnapshots(await openOn(backend));
		expect(again.snapshots.every(({ isNew }) => !isNew)).toBe(true);
		expect(await backend.list("snapshots")).toHaveLength(all.length);
	});

	test("gives back what is readable of a directory whose tree is lost", async () => {
		const backend = await withoutPackOf("more");
		const result = await repairSnapshots(await openOn(backend));
		const lost = result.snapshots.flatMap((one) => one.lost);
		expect(lost.some(({ what }) => what === "directory")).toBe(true);
		const contents = await readAll(await openOn(backend));
		for (const { replacement } of result.snapshots)
			expect([
				...(contents.get(replacement as SnapshotId)?.values() ?? []),
			]).not.toContain(undefined);
	});

	test("a dry run names the same, and makes none", async () => {
		const backend = await withoutPackOf("sub/large");
		const dry = await repairSnapshots(await openOn(backend), { dryRun: true });
		expect(await backend.list("snapshots")).toHaveLength(2);
		const done = await repairSnapshots(await openOn(backend));
		expect(dry.snapshots.map(({ id, lost }) => [id, lost])).toEqual(
			done.snapshots.map(({ id, lost }) => [id, lost]),
		);
	});

	test("forgets the damaged ones if asked to; then a gc runs, and nothing is damaged any more", async () => {
		const backend = await withoutPackOf("sub/large");
		await repairSnapshots(await openOn(backend));
		const result = await repairSnapshots(await openOn(backend), {
			forget: true,
		});
		expect(result.snapshots.every(({ isForgotten }) => isForgotten)).toBe(true);
		expect(await backend.list("forgotten")).toHaveLength(
			result.snapshots.length,
		);
		await gc(await openOn(backend), { grace: 0 });
		const report = await verify(await openOn(backend), { level: "data" });
		expect(report.findings).toEqual([]);
		expect(report.snapshots).toBe(2);
	});

	test("the next snapshot builds on the repaired one, reads everything, and stores again what was lost", async () => {
		const backend = await withoutPackOf("sub/large");
		await repairSnapshots(await openOn(backend));
		const id = await takeIn(await openOn(backend), bench.source);
		expect(await hurtIn(backend)).not.toContain(id);
		// All that was lost is in the source, so that the damaged ones are whole again.
		const after = await readAll(await openOn(backend));
		expect(after.get(bench.second)).toEqual(bench.contents.get(bench.second));
		await repairIndex(await openOn(backend));
		expect(await hurtIn(backend)).not.toContain(bench.second);
	});

	test("a damaged one that was replaced is no parent, even if it is asked for", async () => {
		const backend = await withoutPackOf("sub/large");
		const { snapshots } = await repairSnapshots(await openOn(backend));
		const parent = snapshots.at(-1)?.id as SnapshotId;
		const id = await takeIn(await openOn(backend), bench.source, { parent });
		expect(await hurtIn(backend)).not.toContain(id);
	});

	test("refuses while packs are damaged from which more may be had", async () => {
		const backend = await bench.fresh();
		const place = await packOf(backend, bench.second, "more");
		const bytes = (await backend.read("packs", place.pack)).slice();
		const at = place.offset + 16;
		bytes[at] = (bytes[at] as number) ^ 64;
		await put(backend, [{ kind: "packs", name: place.pack, bytes }]);
		await expect(repairSnapshots(await openOn(backend))).rejects.toMatchObject({
			code: "PACKS_DAMAGED",
		});
		await repairPacks(await openOn(backend));
		const result = await repairSnapshots(await openOn(backend));
		expect(result.snapshots).toEqual([]);
	});
});

describe("repair snapshots, with labels and marks that cannot be read", () => {
	test("pins the snapshot of such a label, and forgets none for such a mark", async () => {
		const backend = await bench.fresh();
		await addTags(await openOn(backend), [bench.first], ["kept"]);
		const [label] = await backend.list("labels");
		const bytes = new Uint8Array(90).fill(1);
		await put(backend, [
			{ kind: "labels", name: label?.name as string, bytes },
			{ kind: "forgotten", name: bench.second, bytes },
		]);
		const result = await repairSnapshots(await openOn(backend));
		expect(result.marks).toBe(2);
		const listed = await listSnapshots(await openOn(backend));
		expect(listed.map(({ id, pin }) => [id, pin])).toEqual([
			[bench.first, true],
			[bench.second, false],
		]);
		expect(await backend.list("quarantine")).toHaveLength(2);
		const { findings } = await verify(await openOn(backend), { level: "data" });
		expect(findings).toEqual([]);
		const again = await repairSnapshots(await openOn(backend));
		expect(again.marks).toBe(0);
	});
});

describe("repair snapshots, with policies that cannot be read", () => {
	const retention = {
		groupBy: ["host"],
		policy: { keepDaily: 7 },
		exceptions: [],
	};

	async function withPolicy(damage: (bytes: Uint8Array) => Uint8Array) {
		const backend = await bench.fresh();
		await setPolicy(await openOn(backend), "default", {
			...retention,
			policy: { keepLast: 1 },
		});
		const [older] = await backend.list("policies");
		await setPolicy(await openOn(backend), "default", retention);
		const listed = await backend.list("policies");
		const { name } = listed.find((one) => one.name !== older?.name) as {
			name: string;
		};
		const bytes = await backend.read("policies", name);
		const damaged = new Uint8Array(damage(bytes));
		await put(backend, [{ kind: "policies", name, bytes: damaged }]);
		return { backend, name, bytes };
	}

	test("sets one right in which a bit has flipped", async () => {
		const flip = (bytes: Uint8Array) => {
			const flipped = bytes.slice();
			flipped[40] = (flipped[40] as number) ^ 4;
			return flipped;
		};
		const { backend, name, bytes } = await withPolicy(flip);
		const planned = await repairSnapshots(await openOn(backend), {
			dryRun: true,
		});
		expect(planned.policies).toEqual({ mended: [name], lost: [] });
		expect(await backend.read("policies", name)).not.toEqual(bytes);
		const result = await repairSnapshots(await openOn(backend));
		expect(result.policies).toEqual({ mended: [name], lost: [] });
		expect(await backend.read("policies", name)).toEqual(bytes);
		expect(await backend.list("quarantine")).toHaveLength(1);
		const { findings } = await verify(await openOn(backend), { level: "data" });
		expect(findings).toEqual([]);
	});

	test("leaves one that is cut, so that no older one counts, and tells what is left of it", async () => {
		const { backend, name } = await withPolicy((bytes) => bytes.slice(0, -20));
		const { policies } = await repairSnapshots(await openOn(backend));
		expect(policies).toMatchObject({
			mended: [],
			lost: [{ name: "default", file: name }],
		});
		expect(policies.lost[0]?.text).toContain('"keepDaily":7');
		await expect(
			requireStoredPolicy(await openOn(backend), "default"),
		).rejects.toMatchObject({ code: "BAD_POLICY" });
		await setPolicy(await openOn(backend), "default", retention);
		const again = await repairSnapshots(await openOn(backend));
		expect(again.policies).toEqual({ mended: [], lost: [] });
	});
});

describe("recover", () => {
	test("finds nothing where every tree belongs to a snapshot", async () => {
		const backend = await bench.fresh();
		const result = await recover(await openOn(backend));
		expect(result).toMatchObject({ id: undefined, trees: [] });
	});

	test("makes a snapshot of the trees of a record that is gone, and done again does nothing", async () => {
		const backend = await bench.fresh();
		await remove(backend, "snapshots", bench.second);
		const { id, trees } = await recover(await openOn(backend));
		expect(trees).toHaveLength(1);
		const content = (await readAll(await openOn(backend))).get(
			id as SnapshotId,
		);
		const path = trees[0]?.path as string;
		const bare = [...(content ?? [])].map(([p, h]) => [
			p.slice(path.length),
			h,
		]);
		const original = [...(bench.contents.get(bench.second) ?? [])];
		const base = bench.source.length;
		expect(bare).toEqual(original.map(([p, h]) => [p.slice(base), h]));
		const again = await recover(await openOn(backend));
		expect(again).toMatchObject({ id: undefined, trees: [] });
		expect(await hurtIn(backend)).toEqual([]);
	});

	test("sets a record right in which one bit has flipped", async () => {
		const backend = await bench.fresh();
		const name = bench.second;
		const whole = await backend.read("snapshots", name);
		const bytes = whole.slice();
		bytes[100] = (bytes[100] as number) ^ 2;
		await put(backend, [{ kind: "snapshots", name, bytes }]);
		const result = await recover(await openOn(backend));
		expect(result).toMatchObject({ recordsMended: [name], trees: [] });
		expect(await backend.read("snapshots", name)).toEqual(whole);
		expect(await backend.read("quarantine", `snapshots.${name}`)).toEqual(
			bytes,
		);
	});

	test("moves a record that cannot be set right to the quarantine once its trees are in a snapshot", async () => {
		const backend = await bench.fresh();
		const name = bench.second;
		const bytes = new Uint8Array(300).fill(7);
		await put(backend, [{ kind: "snapshots", name, bytes }]);
		const result = await recover(await openOn(backend));
		expect(result).toMatchObject({ recordsLost: [name], trees: [{ lost: 0 }] });
		expect(await backend.size("snapshots", name)).toBeUndefined();
		expect(await backend.size("quarantine", `snapshots.${name}`)).toBe(300);
		await gc(await openOn(backend), { grace: 0 });
		expect(await backend.size("quarantine", `snapshots.${name}`)).toBe(300);
		const report = await verify(await openOn(backend), { level: "data" });
		expect(report.findings).toEqual([]);
	});
});
