import { fileKinds } from "@varve/store";
import { expect, test } from "vitest";
import {
	bytesOf,
	leaseA,
	leaseB,
	name,
	nameIn,
	type Subject,
} from "./backend-subject.ts";

const isFenced = expect.objectContaining({
	name: "ConflictError",
	code: "FENCED",
});

export function describeFencing(subject: Subject): void {
	test("stages are listed by lease until they are released", async () => {
		const { backend, other } = subject();
		const a = await backend.stage(leaseA);
		const b = await backend.stage(leaseB);
		expect((await other.listStages()).sort()).toEqual([leaseA, leaseB]);
		await a.release();
		expect(await other.listStages()).toEqual([leaseB]);
		await b.release();
		expect(await other.listStages()).toEqual([]);
	});

	test("fencing tells whether there was a stage", async () => {
		const { backend, other } = subject();
		await backend.stage(leaseA);
		expect(await other.fence(leaseA)).toBe(true);
		expect(await other.fence(leaseA)).toBe(false);
		expect(await other.fence(leaseB)).toBe(false);
	});

	test("a fenced writer can commit nothing and remove nothing", async () => {
		const { backend, other } = subject();
		const stage = await backend.stage(leaseA);
		await stage.putBytes("packs", name(1), bytesOf(10));
		const spooled = stage.spool.create();
		spooled.write(bytesOf(10));
		spooled.close();
		await other.fence(leaseA);
		await expect(stage.put("packs", name(2), spooled.name)).rejects.toEqual(
			isFenced,
		);
		for (const exclusive of [true, false])
			await expect(
				stage.putBytes("snapshots", name(3), bytesOf(10), { exclusive }),
			).rejects.toEqual(isFenced);
		for (const n of [1, 4])
			await expect(backend.remove(stage, "packs", name(n))).rejects.toEqual(
				isFenced,
			);
		expect(() => stage.spool.create()).toThrow(isFenced);
		expect(await other.list("packs")).toEqual([{ name: name(1), size: 10 }]);
		expect(await other.list("snapshots")).toEqual([]);
	});

	test("a file open when its stage is fenced can be written, closed and discarded, but not put", async () => {
		const { backend, other } = subject();
		const stage = await backend.stage(leaseA);
		const spooled = stage.spool.create();
		await other.fence(leaseA);
		spooled.write(bytesOf(10));
		spooled.close();
		await expect(stage.put("packs", name(1), spooled.name)).rejects.toEqual(
			isFenced,
		);
		spooled.discard();
		expect(await other.list("packs")).toEqual([]);
	});

	test("a stage that was fenced or released is never made again", async () => {
		const { backend, other } = subject();
		await backend.stage(leaseA);
		await other.fence(leaseA);
		await expect(backend.stage(leaseA)).rejects.toEqual(isFenced);
		await (await backend.stage(leaseB)).release();
		await expect(backend.stage(leaseB)).rejects.toEqual(isFenced);
	});

	test("a lease cannot be staged twice", async () => {
		const { backend, other } = subject();
		await backend.stage(leaseA);
		await expect(other.stage(leaseA)).rejects.toEqual(isFenced);
	});

	test("release can be called again, also after fencing, and commits nothing", async () => {
		const { backend, other } = subject();
		const stage = await backend.stage(leaseA);
		const spooled = stage.spool.create();
		spooled.write(bytesOf(10));
		spooled.close();
		await stage.release();
		await stage.release();
		const fencedStage = await backend.stage(leaseB);
		await other.fence(leaseB);
		await fencedStage.release();
		for (const kind of fileKinds) expect(await other.list(kind)).toEqual([]);
		await expect(stage.put("packs", name(1), spooled.name)).rejects.toEqual(
			isFenced,
		);
	});

	test("fencing one lease leaves another's stage alone", async () => {
		const { backend, other } = subject();
		await backend.stage(leaseA);
		const b = await backend.stage(leaseB);
		await other.fence(leaseA);
		await b.putBytes("keys", "k", bytesOf(10));
		expect(await other.size("keys", "k")).toBe(10);
	});
}

export function describeRemoval(subject: Subject): void {
	test("a removed file is absent, for every kind", async () => {
		const { backend, other } = subject();
		const stage = await backend.stage(leaseA);
		for (const kind of fileKinds) {
			const fileName = nameIn(kind);
			await stage.putBytes(kind, fileName, bytesOf(10));
			await backend.remove(stage, kind, fileName);
			expect(await other.size(kind, fileName)).toBeUndefined();
			expect(await other.list(kind)).toEqual([]);
		}
	});

	test("removing what is absent is success", async () => {
		const { backend } = subject();
		const stage = await backend.stage(leaseA);
		await backend.remove(stage, "packs", name(1));
		await stage.putBytes("packs", name(1), bytesOf(10));
		await Promise.all([
			backend.remove(stage, "packs", name(1)),
			backend.remove(stage, "packs", name(1)),
		]);
		expect(await backend.list("packs")).toEqual([]);
	});

	test("a removed name can be put again", async () => {
		const { backend } = subject();
		const stage = await backend.stage(leaseA);
		for (let i = 0; i < 3; i++) {
			await stage.putBytes("labels", "l", bytesOf(i), { exclusive: true });
			expect(await backend.size("labels", "l")).toBe(i);
			await backend.remove(stage, "labels", "l");
		}
	});
}
