import { fileKinds } from "@varve/store";
import { expect, test } from "vitest";
import {
	bytesOf,
	leaseA,
	leaseB,
	name,
	type Subject,
	turn,
} from "./backend-subject.ts";

export function describeWrites(subject: Subject): void {
	test("a content-named file replaces an equal one", async () => {
		const { backend } = subject();
		const stage = await backend.stage(leaseA);
		for (let i = 0; i < 2; i++) {
			await stage.putBytes("segments", name(1), bytesOf(10));
			const spooled = stage.spool.create();
			spooled.write(bytesOf(10));
			spooled.close();
			await stage.put("segments", name(1), spooled.name);
		}
		expect(await backend.list("segments")).toEqual([
			{ name: name(1), size: 10 },
		]);
	});

	test("an exclusive put takes a free name and leaves a taken one as it is", async () => {
		const { backend, other } = subject();
		const a = await backend.stage(leaseA);
		const b = await other.stage(leaseB);
		await a.putBytes("config", "config", bytesOf(10), { exclusive: true });
		const second = b.putBytes("config", "config", bytesOf(20), {
			exclusive: true,
		});
		await expect(second).rejects.toMatchObject({
			name: "ConflictError",
			code: "EXISTS",
		});
		expect(await backend.read("config", "config")).toEqual(bytesOf(10));
	});

	test("of many exclusive puts at the same time exactly one succeeds", async () => {
		const { backend } = subject();
		const stage = await backend.stage(leaseA);
		const results = await Promise.allSettled(
			Array.from({ length: 10 }, (_, i) =>
				stage.putBytes("keys", "one", bytesOf(10, i), { exclusive: true }),
			),
		);
		const winners = results.flatMap((r, i) =>
			r.status === "fulfilled" ? [i] : [],
		);
		expect(winners).toHaveLength(1);
		expect(await backend.read("keys", "one")).toEqual(
			bytesOf(10, winners[0] as number),
		);
	});

	test("a damaged file goes to the quarantine, and nothing there is ever replaced (T45)", async () => {
		const { backend, other } = subject();
		const stage = await backend.stage(leaseA);
		const away = (n: number) => `packs.${name(n)}`;
		await stage.putBytes("packs", name(1), bytesOf(10));
		expect(await backend.quarantine(stage, "packs", name(1))).toBe(away(1));
		expect(await other.size("packs", name(1))).toBeUndefined();
		expect(await other.read("quarantine", away(1))).toEqual(bytesOf(10));
		expect(await backend.quarantine(stage, "packs", name(1))).toBeUndefined();
		await stage.putBytes("packs", name(1), bytesOf(20));
		expect(await backend.quarantine(stage, "packs", name(1))).toBe(
			`${away(1)}.2`,
		);
		expect(await other.read("quarantine", away(1))).toEqual(bytesOf(10));
		expect(await other.size("quarantine", `${away(1)}.2`)).toBe(20);
		// Killed before it was removed from where it was.
		await stage.putBytes("packs", name(1), bytesOf(10));
		expect(await backend.quarantine(stage, "packs", name(1))).toBe(away(1));
		expect(await other.list("quarantine")).toHaveLength(2);
	});

	test("a file that is about to be replaced goes to the quarantine and stays", async () => {
		const { backend } = subject();
		const stage = await backend.stage(leaseA);
		await stage.putBytes("snapshots", name(3), bytesOf(10));
		const options = { stays: true };
		await backend.quarantine(stage, "snapshots", name(3), options);
		await stage.putBytes("snapshots", name(3), bytesOf(12));
		expect(await backend.size("snapshots", name(3))).toBe(12);
		expect(await backend.size("quarantine", `snapshots.${name(3)}`)).toBe(10);
	});

	test("whose lease was fenced moves nothing to the quarantine", async () => {
		const { backend, other } = subject();
		const stage = await backend.stage(leaseA);
		await stage.putBytes("packs", name(1), bytesOf(10));
		await other.fence(leaseA);
		await expect(
			backend.quarantine(stage, "packs", name(1)),
		).rejects.toMatchObject({ code: "FENCED" });
		expect(await other.size("packs", name(1))).toBe(10);
		expect(await other.list("quarantine")).toEqual([]);
	});

	test("the reserve is given up without a stage, once", async () => {
		const { backend, other } = subject();
		expect(await backend.giveUpReserve()).toBe(false);
		const stage = await backend.stage(leaseA);
		await stage.putBytes("reserve", "reserve", bytesOf(100));
		expect(await other.giveUpReserve()).toBe(true);
		expect(await backend.giveUpReserve()).toBe(false);
		expect(await backend.size("reserve", "reserve")).toBeUndefined();
	});

	test("a listing taken while files are written shows whole files only", async () => {
		const { backend, other } = subject();
		const stage = await backend.stage(leaseA);
		const size = 80_000;
		const writing = Promise.all(
			Array.from({ length: 20 }, async (_, i) => {
				const spooled = stage.spool.create();
				spooled.write(bytesOf(size / 2));
				await turn();
				spooled.write(bytesOf(size / 2));
				spooled.close();
				await stage.put("packs", name(i), spooled.name);
				await stage.putBytes("segments", name(i), bytesOf(size));
			}),
		);
		let finished = false;
		void writing.finally(() => {
			finished = true;
		});
		while (!finished) {
			await turn();
			for (const kind of ["packs", "segments"] as const)
				for (const file of await other.list(kind)) expect(file.size).toBe(size);
		}
		await writing;
		expect(await other.list("packs")).toHaveLength(20);
	});

	test("files that are only staged are in no listing", async () => {
		const { backend, other } = subject();
		const stage = await backend.stage(leaseA);
		const open = stage.spool.create();
		open.write(bytesOf(10));
		const closed = stage.spool.create();
		closed.write(bytesOf(10));
		closed.close();
		for (const kind of fileKinds) expect(await other.list(kind)).toEqual([]);
		open.discard();
	});
}

export function describeSpools(subject: Subject): void {
	test("a spooled file holds all that was written to it, in order", async () => {
		const { backend } = subject();
		const stage = await backend.stage(leaseA);
		const spooled = stage.spool.create();
		for (let i = 0; i < 100; i++) spooled.write(bytesOf(700, i));
		spooled.close();
		await stage.put("packs", name(1), spooled.name);
		const stored = await backend.read("packs", name(1));
		expect(stored.length).toBe(70_000);
		for (let i = 0; i < 100; i++)
			expect(stored.subarray(i * 700, (i + 1) * 700)).toEqual(bytesOf(700, i));
	});

	test("an empty spooled file is stored", async () => {
		const { backend } = subject();
		const stage = await backend.stage(leaseA);
		const spooled = stage.spool.create();
		spooled.close();
		await stage.put("packs", name(1), spooled.name);
		expect(await backend.size("packs", name(1))).toBe(0);
	});

	test("spool files have different names", async () => {
		const stage = await subject().backend.stage(leaseA);
		const files = Array.from({ length: 50 }, () => stage.spool.create());
		expect(new Set(files.map((f) => f.name)).size).toBe(50);
		for (const file of files) file.close();
	});

	test("a discarded spool file cannot be put, and discarding again is no failure", async () => {
		const stage = await subject().backend.stage(leaseA);
		const spooled = stage.spool.create();
		spooled.write(bytesOf(10));
		spooled.discard();
		spooled.discard();
		await expect(stage.put("packs", name(1), spooled.name)).rejects.toThrow();
		expect(await subject().backend.list("packs")).toEqual([]);
	});

	test("what the writer does with its buffer later does not change what was written", async () => {
		const { backend } = subject();
		const stage = await backend.stage(leaseA);
		const buffer = bytesOf(1000);
		const spooled = stage.spool.create();
		spooled.write(buffer);
		buffer.fill(0);
		spooled.close();
		await stage.put("packs", name(1), spooled.name);
		expect(await backend.read("packs", name(1))).toEqual(bytesOf(1000));
	});
}
