import { mkdirSync, renameSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import type { SnapshotId } from "@varve/format";
import fc from "fast-check";
import { expect, test } from "vitest";
import { forget } from "../../packages/core/src/forget/forget.ts";
import { planByHand } from "../../packages/core/src/forget/plan.ts";
import { gc } from "../../packages/core/src/gc/gc.ts";
import { listSnapshots } from "../../packages/core/src/query/list-snapshots.ts";
import { readFile } from "../../packages/core/src/query/read-content.ts";
import { repairIndex } from "../../packages/core/src/repair/repair-index.ts";
import { repairPacks } from "../../packages/core/src/repair/repair-packs.ts";
import { repairSnapshots } from "../../packages/core/src/repair/repair-snapshots.ts";
import type { Repository } from "../../packages/core/src/repository.ts";
import { verify } from "../../packages/core/src/verify/verify.ts";
import { basesWithBases, framesOf } from "./delta-workplace.ts";
import { noise, readingPlace } from "./reading-workplace.ts";
import { lateClock, take } from "./snapshot-workplace.ts";

const place = readingPlace("delta-sequences");

type Files = Map<string, Uint8Array>;

/** One machine: a source, what is in it, and the repository as it sees it. */
interface Writer {
	readonly source: string;
	readonly files: Files;
	readonly repository: Repository;
}

type Action =
	| { type: "edit"; who: number; file: number; at: number; seed: number }
	| { type: "insert"; who: number; file: number; at: number; seed: number }
	| { type: "new"; who: number; file: number; length: number; seed: number }
	| { type: "rename"; who: number; file: number; to: number }
	| { type: "scatter"; who: number; folder: number; seed: number }
	| { type: "snapshot"; who: number }
	| { type: "forget"; which: number }
	| { type: "gc"; who: number; share: number; isCold: boolean }
	| { type: "repair"; who: number; what: keyof typeof repairs };

const repairs = {
	index: repairIndex,
	packs: repairPacks,
	snapshots: repairSnapshots,
};

const who = fc.nat(1);
const file = fc.nat(3);
const seed = fc.integer({ min: 1, max: 1000 });
const at = fc.nat(10_000);
const edit = fc.record({
	type: fc.constant("edit" as const),
	...{ who, file, at, seed },
});
const snapshot = fc.record({ type: fc.constant("snapshot" as const), who });
const action: fc.Arbitrary<Action> = fc.oneof(
	{ arbitrary: edit, weight: 4 },
	{ arbitrary: snapshot, weight: 5 },
	fc.record({ type: fc.constant("insert"), who, file, at, seed }),
	fc.record({
		type: fc.constant("new"),
		...{ who, file, seed, length: fc.integer({ min: 1, max: 12_000 }) },
	}),
	fc.record({ type: fc.constant("rename"), who, file, to: fc.nat(3) }),
	fc.record({
		type: fc.constant("scatter"),
		...{ who, folder: fc.nat(1), seed },
	}),
	fc.record({ type: fc.constant("forget"), which: fc.nat(9) }),
	fc.record({
		type: fc.constant("gc"),
		...{ who, share: fc.constantFrom(0, 0.3, 1), isCold: fc.boolean() },
	}),
	fc.record({
		...{ type: fc.constant("repair"), who },
		what: fc.constantFrom("index", "packs", "snapshots"),
	}),
);

/** What was in each snapshot that is kept. */
type Kept = Map<SnapshotId, { readonly files: Files; readonly source: string }>;

class World {
	readonly writers: readonly Writer[];
	readonly kept: Kept = new Map();
	deltas = 0;

	constructor(writers: readonly Writer[]) {
		this.writers = writers;
	}

	async act(action: Action): Promise<void> {
		const writer = this.writers["who" in action ? action.who : 0] as Writer;
		const { repository, source } = writer;
		if (action.type === "snapshot") {
			const { id } = await take(repository, source);
			const files = new Map(writer.files);
			this.kept.set(id as SnapshotId, { files, source });
		} else if (action.type === "forget") await this.#forget(action.which);
		else if (action.type === "gc")
			await gc(repository, {
				grace: 0,
				maxUnused: { share: action.share },
				repack: action.isCold ? { age: 0 } : undefined,
			});
		else if (action.type === "repair") await repairs[action.what](repository);
		else change(writer, action);
	}

	/** What the last of a few gcs did, with nothing new between them. */
	async collectsToRest(): Promise<string> {
		const { repository } = this.writers[0] as Writer;
		for (let run = 0; ; run++) {
			const { state } = await gc(repository, {
				grace: 0,
				maxUnused: { share: 0 },
			});
			if (state === "nothing" || run === 4) return state;
		}
	}

	async #forget(which: number): Promise<void> {
		const ids = [...this.kept.keys()];
		const id = ids[which % Math.max(1, ids.length)];
		if (id === undefined) return;
		const { repository } = this.writers[0] as Writer;
		const all = await listSnapshots(repository);
		await forget(repository, planByHand(all.filter((one) => one.id === id)));
		this.kept.delete(id);
	}

	async expectSound(): Promise<void> {
		for (const { repository } of this.writers) {
			const frames = await framesOf(repository);
			expect(basesWithBases(frames)).toEqual([]);
			this.deltas += frames.filter(({ bases }) => bases.length > 0).length;
			const { findings } = await verify(repository, { level: "data" });
			expect(findings).toEqual([]);
			const listed = await listSnapshots(repository);
			expect(new Set(listed.map(({ id }) => id))).toEqual(
				new Set(this.kept.keys()),
			);
			for (const one of listed)
				for (const [name, bytes] of this.kept.get(one.id)?.files ?? []) {
					const path = join(this.kept.get(one.id)?.source ?? "", name);
					const parts: Uint8Array[] = [];
					for await (const part of readFile(repository, one, path))
						parts.push(part);
					expect(Buffer.compare(Buffer.concat(parts), bytes)).toBe(0);
				}
		}
	}
}

function change(
	{ source, files }: Writer,
	action: Exclude<Action, { type: "snapshot" | "forget" | "gc" | "repair" }>,
): void {
	const name = "file" in action ? `f${action.file}` : "";
	const old = files.get(name) ?? new Uint8Array(0);
	if (action.type === "rename") {
		const to = `f${action.to}`;
		if (!files.has(name) || to === name) return;
		renameSync(join(source, name), join(source, to));
		files.set(to, old);
		files.delete(name);
		return;
	}
	if (action.type === "scatter") {
		// Directories whose trees, and pieces of the scan state, are worth a difference.
		const folder = `d${action.folder}`;
		mkdirSync(join(source, folder), { recursive: true });
		for (let i = 0; i < 40; i++) {
			const path = `${folder}/file-${i}`;
			if (files.has(path) && (i + action.seed) % 13 > 0) continue;
			put(path, noise(20, action.seed + i));
		}
		return;
	}
	if (action.type === "new") set(noise(action.length, action.seed));
	else {
		const at = action.at % Math.max(1, old.length);
		// Large ones make frames whose bases a gc may find too dear.
		const part = noise(action.seed % 3 === 0 ? 1500 : 40, action.seed);
		const until = action.type === "edit" ? at + part.length : at;
		set(Buffer.concat([old.subarray(0, at), part, old.subarray(until)]));
	}
	function set(bytes: Uint8Array): void {
		put(name, bytes);
	}
	function put(path: string, bytes: Uint8Array): void {
		files.set(path, bytes);
		writeFileSync(join(source, path), bytes);
	}
}

async function newWorld(): Promise<World> {
	const location = place.fresh("repository");
	const writers: Writer[] = [];
	for (const isThere of [false, true]) {
		const opened = await place.repository({ location, isThere });
		const repository = Object.assign(opened, { clock: lateClock });
		const source = place.fresh("source");
		mkdirSync(source, { recursive: true });
		const writer = { source, files: new Map(), repository };
		for (let i = 0; i < 3; i++)
			change(writer, {
				type: "new",
				...{ who: 0, file: i, length: 3000 * (i + 1), seed: i + 1 },
			});
		writers.push(writer);
	}
	return new World(writers);
}

test("any sequence of changes, snapshots of two writers, forgetting, gc and repairs keeps every kept snapshot exact, no base ever has bases, and gc comes to rest", async () => {
	let deltas = 0;
	await fc.assert(
		fc.asyncProperty(
			fc.array(action, { minLength: 10, maxLength: 30 }),
			async (actions) => {
				const world = await newWorld();
				await world.act({ type: "snapshot", who: 0 });
				for (const one of actions) {
					await world.act(one);
					if (one.type === "gc") await world.expectSound();
				}
				for (const isCold of [false, true])
					await world.act({ type: "gc", who: 1, share: 0, isCold });
				await world.expectSound();
				expect(await world.collectsToRest()).toBe("nothing");
				deltas += world.deltas;
				for (const { repository, source } of world.writers) {
					await repository.close();
					rmSync(source, { recursive: true });
				}
			},
		),
		{ numRuns: 8 },
	);
	expect(deltas).toBeGreaterThan(0);
}, 600_000);
