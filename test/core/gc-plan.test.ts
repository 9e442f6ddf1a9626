import type { LeaseId, PackId } from "@varve/format";
import type { OpenSegment, PackUse } from "@varve/store";
import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { IdStack } from "../../packages/core/src/gc/id-stack.ts";
import type {
	GcPlan,
	LiveHolders,
} from "../../packages/core/src/gc/options.ts";
import { type PlanLimits, planGc } from "../../packages/core/src/gc/plan.ts";
import {
	maxSegmentChunks,
	planSegments,
} from "../../packages/core/src/gc/segment-plan.ts";

const kib = 1024;
const mib = 1024 * kib;
const packId = (n: number) => n.toString(16).padStart(64, "0") as PackId;
const leaseId = (n: number) => n.toString(16).padStart(32, "0") as LeaseId;

/** A pack of 32 MiB, all of it live, in the segment of a run that has ended. */
function pack(n: number, some: Partial<PackUse> = {}): PackUse {
	const { stored = 32 * mib, live = stored, stuck = 0 } = some;
	return {
		id: packId(n),
		size: stored + 200,
		kind: 1 as PackUse["kind"],
		lease: leaseId(0),
		stored,
		live,
		stuck,
		mustMove: false,
		grown: 0,
		chunks: 500,
		liveChunks: live === 0 ? 0 : 500,
		...some,
	};
}

function holders(
	uses: readonly PackUse[],
	some: Partial<LiveHolders> = {},
): LiveHolders {
	return {
		packs: new Set(uses.map(({ id }) => id)),
		leases: new Set(),
		writers: false,
		...some,
	};
}

const limits: PlanLimits = {
	maxUnused: { share: 0.05 },
	maxRepack: Number.POSITIVE_INFINITY,
	space: Number.POSITIVE_INFINITY,
	packBytes: 32 * mib,
	copies: false,
};

const plan = (
	uses: readonly PackUse[],
	some: Partial<PlanLimits> = {},
	held: Partial<LiveHolders> = {},
) => planGc(uses, holders(uses, held), { ...limits, ...some });

describe("planGc", () => {
	test("condemns packs in which nothing is live, and leaves whole ones alone", () => {
		const uses = [pack(1), pack(2, { live: 0 }), pack(3)];
		expect(plan(uses)).toMatchObject({
			dead: [packId(2)],
			deadBytes: 32 * mib + 200,
			repack: [],
			keptBytes: 64 * mib + 400,
			unusedBytes: 0,
		});
	});

	test("spares what came meanwhile, what belongs to one who works, and what nobody names while someone writes", () => {
		const dead = { live: 0 };
		const uses = [
			pack(1, dead),
			pack(2, { ...dead, lease: leaseId(7) }),
			pack(3, { ...dead, lease: undefined }),
		];
		const spare = (held: Partial<LiveHolders>) => plan(uses, {}, held).dead;
		expect(spare({})).toHaveLength(3);
		expect(spare({ packs: new Set([packId(1)]) })).toEqual([packId(1)]);
		expect(spare({ leases: new Set([leaseId(7)]) })).toEqual([
			packId(1),
			packId(3),
		]);
		expect(spare({ writers: true })).toEqual([packId(1), packId(2)]);
	});

	test("moves the emptiest packs first, and no more than the limit asks for", () => {
		const uses = [
			pack(1, { live: 28 * mib }),
			pack(2, { live: 4 * mib }),
			...Array.from({ length: 8 }, (_, i) => pack(10 + i)),
		];
		expect(plan(uses).repack).toEqual([packId(2)]);
		expect(plan(uses, { maxUnused: { bytes: 0 } }).repack).toEqual([
			packId(1),
			packId(2),
		]);
		expect(plan(uses, { maxUnused: { share: 1 } }).repack).toEqual([]);
		expect(plan(uses, { maxUnused: { bytes: 32 * mib } }).repack).toEqual([]);
	});

	test("leaves a repository alone that is smaller than a pack and has little unused, unless it is to have none", () => {
		const small = (live: number) => [pack(1, { stored: 6 * mib, live })];
		expect(plan(small(4.5 * mib)).repack).toEqual([]);
		for (const maxUnused of [{ bytes: 0 }, { share: 0 }])
			expect(plan(small(4.5 * mib), { maxUnused }).repack).toHaveLength(1);
		expect(plan(small(3 * mib)).repack).toHaveLength(1);
	});

	test("takes a share for one of what is left, so that the next plan finds nothing to do", () => {
		const uses = Array.from({ length: 10 }, (_, i) =>
			pack(i, { live: 16 * mib }),
		);
		const { repack, unusedBytes, keptBytes, repackBytes, repackLive } = plan(
			uses,
			{ maxUnused: { share: 0.1 } },
		);
		expect(repack).toHaveLength(9);
		expect(unusedBytes).toBe(16 * mib);
		const left = keptBytes - repackBytes + repackLive;
		expect(unusedBytes / left).toBeLessThan(0.1);
	});

	test("counts what is unused in packs with trees twice where they have a copy", () => {
		const trees = { kind: 2 as PackUse["kind"], live: 30.5 * mib };
		const uses = [pack(1, trees), pack(2)];
		expect(plan(uses)).toMatchObject({ repack: [], unusedBytes: 1.5 * mib });
		const copied = [pack(1, { ...trees, live: 28 * mib }), pack(2), pack(3)];
		expect(plan(copied).repack).toEqual([]);
		expect(plan(copied, { copies: true }).repack).toEqual([packId(1)]);
		expect(plan(copied, { copies: true, maxRepack: 0 }).unusedBytes).toBe(
			8 * mib,
		);
	});

	test("does not move what a move would not free", () => {
		const uses = [
			pack(1, { live: 20 * mib, stuck: 12 * mib }),
			pack(2, { live: 20 * mib, stuck: 4 * mib }),
		];
		expect(plan(uses, { maxUnused: { bytes: 0 } })).toMatchObject({
			repack: [packId(2)],
			repackLive: 24 * mib,
			unusedBytes: 16 * mib,
		});
	});

	test("puts small packs together once there are sixteen of a kind, the smallest first", () => {
		const small = (count: number) =>
			Array.from({ length: count }, (_, i) =>
				pack(i, { stored: (i + 1) * 10 * kib }),
			);
		expect(plan(small(15)).repack).toEqual([]);
		expect(plan(small(16)).repack).toHaveLength(16);
		expect(plan(small(16), { maxRepack: 35 * kib }).repack).toEqual([
			packId(0),
			packId(1),
		]);
		expect(plan(small(16), { maxRepack: 15 * kib }).repack).toEqual([]);
	});
});

const useOf = (n: number) =>
	fc
		.record({
			stored: fc.integer({ min: 1, max: 32 * mib }),
			share: fc.oneof(
				fc.constant(0),
				fc.constant(1),
				fc.double({ min: 0, max: 1, noNaN: true }),
			),
			stuckShare: fc.oneof(
				fc.constant(0),
				fc.double({ min: 0, max: 1, noNaN: true }),
			),
			kind: fc.constantFrom(1, 2),
			lease: fc.constantFrom(undefined, leaseId(0), leaseId(1)),
			isListed: fc.boolean(),
		})
		.map(({ stored, share, stuckShare, kind, lease, isListed }) => {
			const isLive = share > 0;
			const live = isLive ? Math.max(1, Math.round(stored * share)) : 0;
			const stuck = isLive ? Math.round((stored - live) * stuckShare) : 0;
			const use = pack(n, {
				stored,
				live,
				stuck,
				lease,
				kind: kind as PackUse["kind"],
			});
			return { use, isListed };
		});

const anyPacks = fc
	.integer({ min: 0, max: 60 })
	.chain((count) =>
		fc.tuple(...Array.from({ length: count }, (_, i) => useOf(i))),
	);

const anyLimits = fc.record({
	maxUnused: fc.oneof(
		fc.record({ bytes: fc.integer({ min: 0, max: 100 * mib }) }),
		fc.record({ share: fc.double({ min: 0, max: 1, noNaN: true }) }),
	),
	maxRepack: fc.oneof(
		fc.constant(Number.POSITIVE_INFINITY),
		fc.integer({ min: 0, max: 200 * mib }),
	),
	space: fc.oneof(
		fc.constant(Number.POSITIVE_INFINITY),
		fc.integer({ min: 0, max: 200 * mib }),
	),
	packBytes: fc.constant(32 * mib),
	copies: fc.boolean(),
});

interface Planned {
	readonly uses: readonly PackUse[];
	readonly held: LiveHolders;
	readonly limits: PlanLimits;
	readonly plan: GcPlan;
}

/** Any packs, with the pack of every second one listed too late, and the second lease alive. */
const anyPlan = fc
	.tuple(anyPacks, anyLimits, fc.boolean())
	.map(([packs, limits, writers]): Planned => {
		const uses = packs.map(({ use }) => use);
		const listed = packs.filter(({ isListed }) => isListed);
		const held: LiveHolders = {
			packs: new Set(listed.map(({ use }) => use.id)),
			leases: new Set([leaseId(1)]),
			writers,
		};
		return { uses, held, limits, plan: planGc(uses, held, limits) };
	});

const total = (uses: readonly PackUse[], of: (use: PackUse) => number) =>
	uses.reduce((sum, use) => sum + of(use), 0);
const within = (uses: readonly PackUse[], ids: readonly PackId[]) =>
	uses.filter(({ id }) => ids.includes(id));

function isFree({ id, lease }: PackUse, held: LiveHolders): boolean {
	if (!held.packs.has(id)) return false;
	return lease === undefined ? !held.writers : !held.leases.has(lease);
}

describe("any plan", () => {
	const check = (property: (planned: Planned) => void) =>
		fc.assert(fc.property(anyPlan, property), { numRuns: 1000 });

	test("condemns no pack that is live, held, or came too late (T25)", () => {
		check(({ uses, held, plan }) => {
			for (const use of within(uses, plan.dead)) {
				expect(use.liveChunks).toBe(0);
				expect(isFree(use, held)).toBe(true);
			}
			for (const use of within(uses, plan.repack))
				expect(isFree(use, held)).toBe(true);
			expect(new Set([...plan.dead, ...plan.repack]).size).toBe(
				plan.dead.length + plan.repack.length,
			);
		});
	});

	test("condemns every dead pack that it may", () => {
		check(({ uses, held, plan }) => {
			const dead = uses.filter((u) => u.liveChunks === 0 && isFree(u, held));
			expect(plan.dead).toEqual(dead.map(({ id }) => id));
		});
	});

	test("reads and writes no more than it may", () => {
		check(({ uses, limits, plan }) => {
			const moved = within(uses, plan.repack);
			expect(total(moved, (u) => u.size)).toBe(plan.repackBytes);
			expect(plan.repackBytes).toBeLessThanOrEqual(limits.maxRepack);
			expect(total(moved, (u) => u.live + u.stuck)).toBe(plan.repackLive);
			expect(plan.repackLive).toBeLessThanOrEqual(limits.space);
		});
	});

	test("leaves no more unused than allowed, unless something binds it", () => {
		check(({ uses, held, limits, plan }) => {
			const binds =
				Number.isFinite(limits.maxRepack) || Number.isFinite(limits.space);
			if (binds) return;
			const left = uses.filter(
				(use) =>
					isFree(use, held) &&
					use.liveChunks > 0 &&
					!plan.repack.includes(use.id),
			);
			const movable = (u: PackUse) => (u.stored - u.live - u.stuck) / u.stored;
			if (left.every((use) => movable(use) <= 1 / 64)) return;
			const { maxUnused, copies } = limits;
			const live = total(uses, (u) => u.live * (copies ? u.kind : 1));
			const allowed =
				"bytes" in maxUnused
					? maxUnused.bytes
					: maxUnused.share === 0
						? 0
						: Math.max(
								maxUnused.share * (live + plan.unusedBytes),
								limits.packBytes / 16,
							);
			expect(plan.unusedBytes).toBeLessThanOrEqual(allowed + 1);
		});
	});

	test("finds nothing more to move once it was carried out", () => {
		check(({ uses, held, limits, plan }) => {
			if (Number.isFinite(limits.maxRepack) || Number.isFinite(limits.space))
				return;
			const gone = new Set([...plan.dead, ...plan.repack]);
			const stay = uses.filter(({ id }) => !gone.has(id));
			// What was moved lies in one pack of each kind.
			const moved = [1, 2].flatMap((kind) => {
				const own = within(uses, plan.repack).filter((u) => u.kind === kind);
				if (own.length === 0) return [];
				const live = total(own, (u) => u.live);
				const stuck = total(own, (u) => u.stuck);
				return [
					pack(1000 + kind, {
						stored: live + stuck,
						live,
						stuck,
						kind: kind as PackUse["kind"],
					}),
				];
			});
			const next = planGc(
				[...stay, ...moved],
				{
					...held,
					packs: new Set([...held.packs, ...moved.map(({ id }) => id)]),
				},
				limits,
			);
			expect(next.repack).toEqual([]);
			expect(next.dead).toEqual([]);
		});
	});
});

let names = 0;
function segment(
	chunks: number,
	{ packs = [packId(names)], lease = 0 } = {},
): OpenSegment {
	return {
		name: `segment ${names++}`,
		lease: leaseId(lease),
		size: chunks * 42,
		chunks,
		packs: packs.map((id) => ({ id, size: 1, kind: 1 as const })),
		contents: () => [],
	};
}

describe("planSegments", () => {
	test("groups segments that name what is gone, also large ones and those of one who works", () => {
		const gone = [packId(1_000_001)];
		const large = segment(maxSegmentChunks, { packs: gone });
		const held = segment(5, { packs: gone, lease: 9 });
		const clean = segment(5);
		const groups = planSegments(
			[large, clean, held],
			new Set(gone),
			new Set([leaseId(9)]),
		);
		expect(groups).toEqual([[large], [held]]);
	});

	test("leaves small ones of one who works, and few ones, alone", () => {
		const held = Array.from({ length: 30 }, () => segment(5, { lease: 9 }));
		const few = [segment(5), segment(5), segment(5)];
		const plan = planSegments(
			[...held, ...few],
			new Set(),
			new Set([leaseId(9)]),
		);
		expect(plan).toEqual([]);
	});

	test("keeps their number to the logarithm of what they hold over 5,000 additions", () => {
		let segments: OpenSegment[] = [];
		let written = 0;
		let most = 0;
		let chunks = 0;
		for (let i = 1; i <= 5000; i++) {
			const own = 20 + ((i * 7919) % 400);
			chunks += own;
			segments.push(segment(own));
			if (i % 24 !== 0) continue;
			const groups = planSegments(segments, new Set(), new Set());
			const old = new Set(groups.flat());
			const next = groups.map((group) =>
				segment(group.reduce((sum, { chunks }) => sum + chunks, 0)),
			);
			written += next.reduce((sum, { chunks }) => sum + chunks, 0);
			segments = [...segments.filter((one) => !old.has(one)), ...next];
			most = Math.max(most, segments.length);
			for (const one of next)
				expect(one.chunks).toBeLessThanOrEqual(maxSegmentChunks);
		}
		expect(segments.reduce((sum, one) => sum + one.chunks, 0)).toBeGreaterThan(
			chunks * 0.99,
		);
		const tiers = Math.ceil(Math.log(maxSegmentChunks / 1024) / Math.log(4));
		const full = Math.ceil(chunks / (maxSegmentChunks / 2));
		expect(most).toBeLessThanOrEqual(3 * (tiers + 1) + full);
		// Each chunk is written about once for each size.
		expect(written / chunks).toBeLessThan(tiers + 2);
	});
});

describe("IdStack", () => {
	const id = (n: number) => {
		const bytes = new Uint8Array(32);
		new DataView(bytes.buffer).setUint32(28, n);
		return bytes;
	};

	test("gives back what was pushed, the last ones first, however it grows", () => {
		const action = fc.oneof(
			fc.record({ push: fc.integer({ min: 0, max: 3000 }) }),
			fc.record({ pop: fc.integer({ min: 0, max: 3000 }) }),
		);
		fc.assert(
			fc.property(fc.array(action, { maxLength: 12 }), (actions) => {
				const stack = new IdStack();
				const model: number[] = [];
				let next = 0;
				for (const one of actions) {
					if ("push" in one)
						for (let i = 0; i < one.push; i++) {
							// Out of a larger row of ids.
							const row = new Uint8Array(64);
							row.set(id(next), 32);
							stack.push(row, 32);
							model.push(next++);
						}
					else {
						const rows = stack.pop(one.pop);
						const want = model.splice(Math.max(0, model.length - one.pop));
						const view = new DataView(rows.buffer, rows.byteOffset);
						const got = Array.from({ length: rows.length / 32 }, (_, i) =>
							view.getUint32(i * 32 + 28),
						);
						expect(got).toEqual(want);
					}
					expect(stack.size).toBe(model.length);
				}
			}),
			{ numRuns: 60 },
		);
	});
});
