import {
	encodeSegment,
	FrameKind,
	idBytes,
	type LeaseId,
	type PackFrame,
	type PackId,
	packHeaderBytes,
} from "@varve/format";
import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { Faults } from "../../packages/core/src/verify/faults.ts";
import { IdSet } from "../../packages/core/src/verify/id-set.ts";
import {
	differingFrames,
	packsOfSegment,
} from "../../packages/core/src/verify/segment-frames.ts";
import { choosePacks } from "../../packages/core/src/verify/subset.ts";
import { noise } from "./reading-workplace.ts";

describe("a set of ids", () => {
	test("holds what was added, and nothing else", () => {
		const id = fc.uint8Array({ minLength: idBytes, maxLength: idBytes });
		fc.assert(
			fc.property(fc.array(id, { maxLength: 60 }), id, (ids, other) => {
				const set = new IdSet();
				const model = new Set<string>();
				for (const one of ids) {
					if (one.every((byte) => byte === 0)) continue;
					expect(set.add(one)).toBe(!model.has(one.join()));
					model.add(one.join());
				}
				expect(set.size).toBe(model.size);
				expect(set.has(other)).toBe(model.has(other.join()));
			}),
			{ seed: 3, numRuns: 100 },
		);
	});

	test("grows", () => {
		const set = new IdSet();
		const ids = noise(10_000 * idBytes);
		for (let at = 0; at < ids.length; at += idBytes)
			expect(set.add(ids, at)).toBe(true);
		for (let at = 0; at < ids.length; at += idBytes)
			expect(set.has(ids, at)).toBe(true);
		expect(set.size).toBe(10_000);
		expect(set.has(noise(idBytes, 99))).toBe(false);
	});
});

describe("choosing packs to read", () => {
	const packs = Array.from({ length: 20 }, (_, i) => ({
		name: (i * 997).toString(16).padStart(8, "0").padEnd(64, "0"),
		size: 10 + i,
	}));
	const names = (
		subset: Parameters<typeof choosePacks>[1],
		random = () => 0.4,
	) =>
		choosePacks(packs, subset, { random, timeOf: () => 0 }).map(
			({ name }) => name,
		);

	test("parts are disjoint and make up the whole", () => {
		const parts = [1, 2, 3].map((n) => names({ kind: "nth", n, t: 3 }));
		expect(parts.flat().sort()).toEqual(packs.map(({ name }) => name).sort());
	});

	test("a share is rounded up; bytes are not exceeded but for the first pack", () => {
		expect(names({ kind: "percent", percent: 11 })).toHaveLength(3);
		expect(names({ kind: "percent", percent: 100 })).toHaveLength(20);
		const chosen = choosePacks(
			packs,
			{ kind: "bytes", bytes: 50 },
			{ random: () => 0.9, timeOf: () => 0 },
		);
		expect(chosen.length).toBeGreaterThan(1);
		expect(chosen.reduce((sum, { size }) => sum + size, 0)).toBeLessThanOrEqual(
			50,
		);
		expect(names({ kind: "bytes", bytes: 0 })).toHaveLength(1);
	});

	test("what was read longest ago comes first", () => {
		const order = packs.map(({ name }) => name).sort();
		const timeOf = (name: string) => order.indexOf(name);
		const chosen = choosePacks(
			packs,
			{ kind: "percent", percent: 25 },
			{ random: Math.random, timeOf },
		);
		expect(chosen.map(({ name }) => name)).toEqual(order.slice(0, 5));
	});

	test("chance decides", () => {
		const low = names({ kind: "percent", percent: 20 }, () => 0);
		const high = names({ kind: "percent", percent: 20 }, () => 0.999);
		expect(low).not.toEqual(high);
	});
});

describe("a segment taken apart", () => {
	const frame = (n: number, chunks: number, bases = 0): PackFrame => ({
		offset: 0,
		storedLength: 100 + n,
		rawLength: 0,
		bases: noise(bases * idBytes, n + 500),
		ids: noise(chunks * idBytes, n),
		lengths: Uint32Array.from({ length: chunks }, (_, i) => i + n + 1),
	});
	const pack = (id: string, frames: PackFrame[]) => {
		let offset = packHeaderBytes;
		const placed = frames.map((f) => {
			const rawLength = f.lengths.reduce((a, b) => a + b, 0);
			const at = { ...f, offset, rawLength };
			offset += f.storedLength;
			return at;
		});
		return {
			id: id.repeat(32) as PackId,
			size: 1000,
			kind: FrameKind.content,
			frames: placed,
		};
	};
	const packs = [
		pack("aa", [frame(1, 3), frame(2, 1, 2)]),
		pack("bb", [frame(3, 40), frame(1, 3)]),
	];

	test("gives the packs it was made of", () => {
		const bytes = encodeSegment("00".repeat(16) as LeaseId, packs);
		expect([...packsOfSegment(bytes)]).toEqual(packs);
	});

	test("refuses tables that contradict each other", () => {
		const bytes = encodeSegment("00".repeat(16) as LeaseId, packs);
		// The rows of places stand last: frame, length, ordinal.
		const last = bytes.length - 10;
		for (const [at, value] of [
			[last, 200],
			[last + 8, 77],
		] as const) {
			const changed = bytes.slice();
			changed[at] = value;
			expect(() => [...packsOfSegment(changed)]).toThrowError(
				expect.objectContaining({ code: "BAD_SEGMENT" }),
			);
		}
	});

	test("differs from a directory in the frames that differ", () => {
		const [a, b] = packs.flatMap(({ frames }) => frames) as [
			PackFrame,
			PackFrame,
		];
		expect(differingFrames([a, b], [a, b])).toEqual([]);
		const other = { ...b, ids: noise(idBytes, 77) };
		expect(differingFrames([a, b], [a, other])).toEqual([b.offset]);
		expect(differingFrames([a, b], [b])).toEqual([a.offset]);
		expect(differingFrames([a], [a, b])).toEqual([b.offset]);
	});
});

describe("faults", () => {
	test("what references find is left out where a pack accounts for it", () => {
		const faults = new Faults();
		const pack = "aa".repeat(32) as PackId;
		faults.add({ code: "BAD_CHUNK", message: "graph", chunks: ["1"] });
		faults.add({ code: "MISSING_CHUNK", message: "graph", chunks: ["1", "2"] });
		faults.add({ code: "BAD_FRAME", message: "pack", pack, chunks: ["1"] });
		faults.add({ code: "BAD_LABEL", message: "label", chunks: [] });
		expect(faults.all().map(({ code, chunks }) => [code, chunks])).toEqual([
			["MISSING_CHUNK", ["2"]],
			["BAD_FRAME", ["1"]],
			["BAD_LABEL", []],
		]);
	});
});
