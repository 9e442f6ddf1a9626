import {
	encodeGcList,
	encodePolicy,
	type LeaseId,
	type SnapshotId,
	StorageError,
} from "@varve/format";
import type { FileKind, Stage } from "@varve/store";
import { describe, expect, test } from "vitest";
import { forget } from "../../packages/core/src/forget/forget.ts";
import {
	planByHand,
	planForget,
	removedBy,
} from "../../packages/core/src/forget/plan.ts";
import {
	listPolicies,
	removePolicy,
	requireStoredPolicy,
	setPolicy,
} from "../../packages/core/src/forget/stored-policies.ts";
import {
	listForgotten,
	readForgotten,
	unforget,
} from "../../packages/core/src/forget/unforget.ts";
import { addTags, pin } from "../../packages/core/src/labels/change-labels.ts";
import { listSnapshots } from "../../packages/core/src/query/list-snapshots.ts";
import { sha256Hex } from "./fake-objects.ts";
import {
	type FakeRepository,
	fakeRepository,
	start,
} from "./fake-repository.ts";

const day = 86_400_000;

/** A repository with a snapshot on each of some days; the ids from the oldest to the newest. */
async function daily(days: number) {
	const repository = fakeRepository();
	const ids: SnapshotId[] = [];
	for (let i = 0; i < days; i++) {
		ids.push((await repository.add({})).id);
		repository.time += day;
	}
	return { repository, ids };
}

async function planLast(repository: FakeRepository, keepLast: number) {
	const snapshots = await listSnapshots(repository);
	return planForget(snapshots, { policy: { keepLast }, now: repository.time });
}

const idsOf = async (repository: FakeRepository) =>
	(await listSnapshots(repository)).map(({ id }) => id);
const marks = async ({ backend }: FakeRepository) =>
	(await backend.list("forgotten")).map(({ name }) => name).sort();
const code = (name: string) => expect.objectContaining({ code: name });

/** Runs `meanwhile` just before the first file of this kind is written by a stage made from now on. */
function beforeWriting(
	repository: FakeRepository,
	kind: FileKind,
	meanwhile: () => Promise<unknown>,
): void {
	const { backend } = repository;
	const original = backend.stage.bind(backend);
	let isDone = false;
	backend.stage = async (lease) => {
		const stage = await original(lease);
		const putBytes = stage.putBytes.bind(stage);
		stage.putBytes = async (...args: Parameters<Stage["putBytes"]>) => {
			if (args[0] === kind && !isDone) {
				isDone = true;
				await meanwhile();
			}
			return putBytes(...args);
		};
		return stage;
	};
}

describe("forget", () => {
	test("marks what a plan removes, says who, when and why, and leaves the records", async () => {
		const { repository, ids } = await daily(4);
		const plan = await planLast(repository, 1);
		const result = await forget(repository, plan);
		expect(result.forgotten).toEqual(ids.slice(0, 3).reverse());
		expect(result.spared).toEqual([]);
		expect(await idsOf(repository)).toEqual(ids.slice(3));
		expect(await repository.backend.list("snapshots")).toHaveLength(4);
		expect(await repository.backend.list("leases")).toEqual([]);
		expect(await readForgotten(repository, ids[0] as SnapshotId)).toEqual({
			snapshot: ids[0],
			time: new Date(repository.time).toISOString(),
			host: "here",
			user: "me",
			reason: "keep-last 1",
		});
		expect(await readForgotten(repository, ids[3] as SnapshotId)).toBe(
			undefined,
		);
	});

	test("T30 forgets exactly what the plan says, and a second time nothing", async () => {
		const { repository } = await daily(40);
		const plan = await planLast(repository, 3);
		const { forgotten } = await forget(repository, plan);
		expect(forgotten).toEqual(removedBy(plan));
		expect(await marks(repository)).toEqual([...forgotten].sort());
		const again = await forget(repository, await planLast(repository, 3));
		expect(again).toEqual({ forgotten: [], spared: [] });
	});

	test("a plan without a removal takes no lease", async () => {
		const { repository } = await daily(2);
		repository.backend.stage = () => Promise.reject(new Error("a stage"));
		const result = await forget(repository, await planLast(repository, 2));
		expect(result.forgotten).toEqual([]);
	});

	test("what was pinned or labelled since the plan was made stays", async () => {
		const { repository, ids } = await daily(4);
		const plan = await planLast(repository, 1);
		await pin(repository, [ids[0] as SnapshotId]);
		await addTags(repository, [ids[1] as SnapshotId], ["keep"]);
		const { forgotten, spared } = await forget(repository, plan);
		expect(forgotten).toEqual([ids[2]]);
		expect(spared).toEqual([
			{ id: ids[1], reason: "labelled meanwhile" },
			{ id: ids[0], reason: "pinned meanwhile" },
		]);
	});

	test("what is pinned while the marks are being written stays", async () => {
		const { repository, ids } = await daily(4);
		const plan = await planLast(repository, 1);
		beforeWriting(repository, "forgotten", () =>
			pin(repository, ids.slice(0, 2)),
		);
		const { forgotten, spared } = await forget(repository, plan);
		expect(forgotten).toEqual([ids[2]]);
		expect(spared.map(({ reason }) => reason)).toEqual([
			"pinned meanwhile",
			"pinned meanwhile",
		]);
		expect(await marks(repository)).toEqual([ids[2]]);
	});

	test("a group of which something that was to stay is gone is left as it is", async () => {
		const { repository, ids } = await daily(4);
		const plan = await planLast(repository, 1);
		await repository.forget(ids[3] as SnapshotId);
		const { forgotten, spared } = await forget(repository, plan);
		expect(forgotten).toEqual([]);
		expect(spared).toHaveLength(3);
		expect(spared[0]?.reason).toContain("is gone or forgotten meanwhile");
		expect(await idsOf(repository)).toEqual(ids.slice(0, 3));
	});

	test("what another one has forgotten meanwhile, or removed, is passed over", async () => {
		const { repository, ids } = await daily(4);
		const plan = await planLast(repository, 1);
		const [gone, early, late] = ids as [SnapshotId, SnapshotId, SnapshotId];
		await repository.write((stage) =>
			repository.backend.remove(stage, "snapshots", gone),
		);
		await repository.forget(early);
		beforeWriting(repository, "forgotten", () => repository.forget(late));
		const { forgotten, spared } = await forget(repository, plan);
		expect(forgotten).toEqual([]);
		expect(new Map(spared.map(({ id, reason }) => [id, reason]))).toEqual(
			new Map([
				[gone, "not in the repository any more"],
				[early, "forgotten already"],
				[late, "forgotten already"],
			]),
		);
	});

	test("an error after the first mark says that the repository has changed, and the next run does the rest", async () => {
		const { repository, ids } = await daily(40);
		const plan = await planLast(repository, 1);
		let count = 0;
		const original = repository.backend.stage.bind(repository.backend);
		repository.backend.stage = async (lease) => {
			const stage = await original(lease);
			const putBytes = stage.putBytes.bind(stage);
			stage.putBytes = async (...args: Parameters<Stage["putBytes"]>) => {
				if (args[0] === "forgotten" && ++count > 20)
					throw new StorageError("NO_SPACE", "the disk is full");
				return putBytes(...args);
			};
			return stage;
		};
		await expect(forget(repository, plan)).rejects.toMatchObject({
			name: "StorageError",
			code: "NO_SPACE",
			details: { committed: true },
			message: expect.stringContaining("20 snapshots"),
		});
		expect(await marks(repository)).toHaveLength(20);
		repository.backend.stage = original;
		await forget(repository, await planLast(repository, 1));
		expect(await idsOf(repository)).toEqual(ids.slice(-1));
	});

	test("named by hand, the mark says so", async () => {
		const { repository, ids } = await daily(1);
		await forget(repository, planByHand(await listSnapshots(repository)));
		const mark = await readForgotten(repository, ids[0] as SnapshotId);
		expect(mark?.reason).toBe("named by hand");
	});

	test("a stopped run leaves marks that are whole and no lease", async () => {
		const { repository } = await daily(40);
		const controller = new AbortController();
		beforeWriting(repository, "forgotten", async () => controller.abort());
		const options = { signal: controller.signal };
		const plan = await planLast(repository, 1);
		await expect(forget(repository, plan, options)).rejects.toThrow();
		expect(await repository.backend.list("leases")).toEqual([]);
		for (const name of await marks(repository))
			expect(await readForgotten(repository, name as SnapshotId)).toBeDefined();
	});
});

describe("unforget", () => {
	async function forgotten() {
		const { repository, ids } = await daily(3);
		await forget(repository, await planLast(repository, 1));
		return { repository, ids: ids as [SnapshotId, SnapshotId, SnapshotId] };
	}

	async function condemn(repository: FakeRepository, id: SnapshotId) {
		const generation = "ab".repeat(16) as LeaseId;
		const time = new Date(start).toISOString();
		const list = { generation, time, packs: [], snapshots: [id] };
		const bytes = encodeGcList(list, sha256Hex);
		await repository.write((s) => s.putBytes("gc", generation, bytes));
	}

	test("brings snapshots back, and says which were not forgotten", async () => {
		const { repository, ids } = await forgotten();
		const listed = await listForgotten(repository);
		expect(listed.map(({ id }) => id)).toEqual(ids.slice(0, 2));
		expect(await unforget(repository, [ids[0], ids[2]])).toEqual([
			{ id: ids[0], changed: true },
			{ id: ids[2], changed: false },
		]);
		expect(await idsOf(repository)).toEqual([ids[0], ids[2]]);
		expect(await repository.backend.list("leases")).toEqual([]);
	});

	test("is refused, for all that are named, if a pending gc has condemned one", async () => {
		const { repository, ids } = await forgotten();
		await condemn(repository, ids[1]);
		const both = unforget(repository, [ids[0], ids[1]]);
		await expect(both).rejects.toThrow(code("CONDEMNED"));
		expect(await idsOf(repository)).toEqual([ids[2]]);
		await unforget(repository, [ids[0]]);
		expect(await idsOf(repository)).toEqual([ids[0], ids[2]]);
	});

	test("is refused if the record is gone, or a gc list cannot be read", async () => {
		const { repository, ids } = await forgotten();
		await repository.write((s) =>
			repository.backend.remove(s, "snapshots", ids[0]),
		);
		await expect(unforget(repository, [ids[0]])).rejects.toThrow(
			code("NO_SUCH_SNAPSHOT"),
		);
		const bytes = new Uint8Array([1]);
		await repository.write((s) => s.putBytes("gc", "cd".repeat(16), bytes));
		await expect(unforget(repository, [ids[1]])).rejects.toMatchObject({
			name: "CorruptError",
		});
		expect(await marks(repository)).toHaveLength(2);
	});

	test("lists gc/ and then snapshots/, both when its lease is durable", async () => {
		const { repository, ids } = await forgotten();
		const { backend } = repository;
		const list = backend.list.bind(backend);
		const seen: string[] = [];
		backend.list = async (kind, options) => {
			const leases = await list("leases");
			seen.push(`${kind} ${leases.length}`);
			return list(kind, options);
		};
		await unforget(repository, [ids[0]]);
		const asked = seen.filter((line) => /^(gc|snapshots) /.test(line));
		expect(asked).toEqual(["gc 1", "snapshots 1"]);
	});

	test("fenced, it changes nothing", async () => {
		const { repository, ids } = await forgotten();
		const { backend } = repository;
		const list = backend.list.bind(backend);
		backend.list = async (kind, options) => {
			if (kind === "forgotten")
				for (const lease of await backend.listStages())
					await backend.fence(lease);
			return list(kind, options);
		};
		const both = unforget(repository, [ids[0], ids[1]]);
		await expect(both).rejects.toThrow(code("FENCED"));
		expect(await marks(repository)).toHaveLength(2);
	});
});

describe("stored policies", () => {
	const retention = {
		groupBy: ["host"],
		policy: { keepDaily: 7 },
		exceptions: [{ tags: ["templates"], policy: { keepLast: 2 } }],
	};

	test("are kept under names, the last of a name counts, also when the clock has gone back", async () => {
		const repository = fakeRepository();
		await setPolicy(repository, "nightly", retention);
		await setPolicy(repository, "default", retention);
		repository.time -= day;
		const other = { ...retention, policy: { keepLast: 3 } };
		await setPolicy(repository, "nightly", other);
		const { policies: listed } = await listPolicies(repository);
		expect(listed.map(({ name }) => name)).toEqual(["default", "nightly"]);
		expect(await requireStoredPolicy(repository, "nightly")).toEqual(other);
		await removePolicy(repository, "nightly");
		await expect(requireStoredPolicy(repository, "nightly")).rejects.toThrow(
			code("NO_SUCH_POLICY"),
		);
		await expect(removePolicy(repository, "nightly")).rejects.toThrow(
			code("NO_SUCH_POLICY"),
		);
		expect(await repository.backend.list("leases")).toEqual([]);
	});

	test("one that could not be applied is not kept", async () => {
		const repository = fakeRepository();
		const set = (name: string, changes: object) =>
			setPolicy(repository, name, { ...retention, ...changes });
		await expect(set("a b", {})).rejects.toThrow(code("BAD_POLICY_NAME"));
		await expect(set("a", { policy: {} })).rejects.toThrow(
			code("EMPTY_POLICY"),
		);
		await expect(set("a", { groupBy: ["x"] })).rejects.toThrow(
			code("BAD_POLICY"),
		);
		const everything = [{ policy: { keepLast: 1 } }];
		await expect(set("a", { exceptions: everything })).rejects.toThrow(
			code("BAD_POLICY"),
		);
		expect((await listPolicies(repository)).policies).toEqual([]);
	});

	test("one that is damaged is an error and not passed over, hurts no other, and gives way to one that is set anew", async () => {
		const repository = fakeRepository();
		await setPolicy(repository, "b", retention);
		const stored = await setPolicy(repository, "a", retention);
		const bytes = encodePolicy(stored, sha256Hex).slice(0, -1);
		await repository.write((s) =>
			s.putBytes("policies", `a.${"0".repeat(32)}`, bytes),
		);
		const file = `a.${"0".repeat(32)}`;
		const { policies, damaged } = await listPolicies(repository);
		expect(policies.map(({ name }) => name)).toEqual(["b"]);
		expect(damaged).toMatchObject([{ name: "a", file }]);
		await expect(requireStoredPolicy(repository, "a")).rejects.toMatchObject({
			code: "BAD_POLICY",
			message: expect.stringContaining(`policies/${file}`),
		});
		expect(await requireStoredPolicy(repository, "b")).toEqual(retention);
		const other = { ...retention, policy: { keepLast: 3 } };
		await setPolicy(repository, "a", other);
		expect(await requireStoredPolicy(repository, "a")).toEqual(other);
		const { backend } = repository;
		expect(await backend.list("quarantine")).toMatchObject([
			{ name: `policies.${file}` },
		]);
		await repository.write((s) => s.putBytes("policies", file, bytes));
		await removePolicy(repository, "a");
		await expect(requireStoredPolicy(repository, "a")).rejects.toThrow(
			code("NO_SUCH_POLICY"),
		);
	});
});
