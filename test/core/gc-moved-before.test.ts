import {
	mkdirSync,
	readdirSync,
	readFileSync,
	rmSync,
	writeFileSync,
} from "node:fs";
import { join } from "node:path";
import { type PackId, StorageError } from "@varve/format";
import { faultyBackend } from "@varve/testkit";
import { describe, expect, test } from "vitest";
import { findMissing } from "../../packages/core/src/copies/keep-copies.ts";
import { forget } from "../../packages/core/src/forget/forget.ts";
import { planByHand } from "../../packages/core/src/forget/plan.ts";
import { gc } from "../../packages/core/src/gc/gc.ts";
import { listSnapshots } from "../../packages/core/src/query/list-snapshots.ts";
import { verify } from "../../packages/core/src/verify/verify.ts";
import { type FoundFrame, framesOf, idsIn } from "./delta-workplace.ts";
import { noise, readingPlace } from "./reading-workplace.ts";
import { lateClock, take } from "./snapshot-workplace.ts";

const place = readingPlace("gc-moved-before");
const options = { grace: 0, maxUnused: { bytes: 0 } };
const stride = 300;

/** A version of a file: another one has other bytes in many places. */
function version(number: number): Uint8Array {
	const bytes = noise(3000, 77);
	for (let at = number * 20; number > 0 && at + 90 < bytes.length; at += stride)
		bytes.set(noise(90, number * 1000 + at), at);
	return bytes;
}

/** Packs that are half dead, and differences whose bases only a forgotten snapshot needs for themselves. */
async function prepare() {
	const location = place.fresh("repository");
	const opened = await place.repository({ location });
	const repository = Object.assign(opened, { clock: lateClock });
	const source = place.fresh("source");
	mkdirSync(source);
	const write = (name: string, bytes: Uint8Array) =>
		writeFileSync(join(source, name), bytes);
	for (let i = 0; i < 20; i++) write(`f${i}`, noise(2000, i + 1));
	for (let v = 0; v < 3; v++) {
		write("changing", version(v));
		await take(repository, source);
		for (let i = v; i < 20; i += 3)
			rmSync(join(source, `f${i}`), { force: true });
	}
	const all = await listSnapshots(repository);
	const byTime = all.toSorted((a, b) =>
		a.record.time < b.record.time ? -1 : 1,
	);
	await forget(repository, planByHand(byTime.slice(0, 1)));
	/** Nothing is done from this operation on. */
	const killAt = async (kind: string) => {
		let isDead = false;
		const error = () => new StorageError("STORAGE_FAILED", "killed", {});
		const inner = repository.backend;
		const backend = faultyBackend(inner, [
			{ at: ["remove", "fence", "release"], nth: 1, always: true, error },
		]);
		const stage: typeof inner.stage = async (lease) => {
			const made = await backend.stage(lease);
			return new Proxy(made, {
				get(target, name) {
					const value = Reflect.get(target, name, target);
					if (name !== "put" && name !== "putBytes") return value;
					return async (...given: unknown[]) => {
						isDead ||= given[0] === kind;
						if (isDead) throw error();
						return value.apply(target, given);
					};
				},
			});
		};
		const dying = new Proxy(backend, {
			get(target, name) {
				const value = Reflect.get(target, name, target);
				if (name === "stage") return stage;
				return typeof value === "function" ? value.bind(target) : value;
			},
		});
		await expect(
			gc({ ...repository, backend: dying }, options),
		).rejects.toThrow("killed");
		for (const folder of ["leases", "tmp"])
			for (const name of readdirSync(join(location, folder)))
				rmSync(join(location, folder, name), { recursive: true });
	};
	const expectSound = async () => {
		const { findings } = await verify(repository, { level: "data" });
		expect(findings).toEqual([]);
	};
	const packFile = (id: PackId) => join(location, "packs", id.slice(0, 2), id);
	return { repository, killAt, expectSound, packFile };
}

function lyingTwice(frames: readonly FoundFrame[]): string[] {
	const ids = frames.flatMap((frame) => idsIn(frame.ids));
	return ids.filter((id, i) => ids.indexOf(id) !== i);
}

describe("a gc after others that were killed", () => {
	test.each(["segments", "gc"])(
		"uses what they have moved and writes it no more than once, where they came as far as %s",
		async (kind) => {
			const { repository, killAt, expectSound } = await prepare();
			await killAt(kind);
			const once = (await repository.backend.list("packs")).length;
			expect(lyingTwice(await framesOf(repository)).length).toBeGreaterThan(3);
			await killAt(kind);
			await killAt(kind);
			expect(await repository.backend.list("packs")).toHaveLength(once);
			await expectSound();
			expect(await gc(repository, options)).toMatchObject({ state: "swept" });
			expect(lyingTwice(await framesOf(repository))).toEqual([]);
			await expectSound();
			expect(await gc(repository, options)).toMatchObject({ state: "nothing" });
		},
	);

	test("names what they have moved, and makes the copies of trees among it, before it condemns where it lay", async () => {
		const { repository, killAt } = await prepare();
		const condemned = {
			packs: new Set<string>(),
			snapshots: new Set<string>(),
		};
		const missing = () => findMissing(repository, { condemned });
		await killAt("segments");
		expect((await missing()).packs.length).toBeGreaterThan(0);
		await killAt("gc");
		expect((await missing()).packs).toEqual([]);
		repository.objects.outdate();
		await repository.objects.prepare();
		expect(repository.index.adopted).toEqual([]);
	});

	test("moves again what is damaged where they have moved it to", async () => {
		const { repository, killAt, packFile } = await prepare();
		const before = new Set(
			(await repository.backend.list("packs")).map(({ name }) => name),
		);
		await killAt("gc");
		const moved = (await framesOf(repository)).filter(
			({ pack }) => !before.has(pack),
		);
		const [hurt] = moved.toSorted((a, b) => b.rawLength - a.rawLength);
		const { pack, offset, storedLength } = hurt as FoundFrame;
		const bytes = readFileSync(packFile(pack));
		const at = offset + storedLength - 200;
		bytes[at] = (bytes[at] as number) ^ 1;
		writeFileSync(packFile(pack), bytes);
		expect(await gc(repository, options)).toMatchObject({ state: "swept" });
		const good = (await framesOf(repository)).filter(
			(frame) => frame.pack !== pack,
		);
		const there = new Set(good.flatMap(({ ids }) => idsIn(ids)));
		const { findings } = await verify(repository, { level: "data" });
		const damaged = findings.flatMap(({ chunk }) => chunk ?? []);
		expect(damaged).toHaveLength(1);
		expect(there).toContain(damaged[0]);
	});
});
