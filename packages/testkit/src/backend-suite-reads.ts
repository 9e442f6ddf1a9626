import { fileKinds } from "@varve/store";
import { expect, test } from "vitest";
import {
	bytesOf,
	leaseA,
	name,
	nameIn,
	type Subject,
	store,
} from "./backend-subject.ts";

export function describeReads(subject: Subject): void {
	test("an empty repository lists nothing, of any kind", async () => {
		for (const kind of fileKinds)
			expect(await subject().backend.list(kind)).toEqual([]);
	});

	test("a file of any kind is listed once, with its size, and read back", async () => {
		const { backend, other } = subject();
		for (const kind of fileKinds) {
			const fileName = nameIn(kind);
			await store(backend, kind, fileName, bytesOf(100));
			for (const view of [backend, other]) {
				expect(await view.list(kind)).toEqual([{ name: fileName, size: 100 }]);
				expect(await view.size(kind, fileName)).toBe(100);
				expect(await view.read(kind, fileName)).toEqual(bytesOf(100));
			}
		}
	});

	test("a kind with many files lists each exactly once", async () => {
		const { backend, other } = subject();
		const stage = await backend.stage(leaseA);
		const names = Array.from({ length: 300 }, (_, i) =>
			((i * 7919) % 65_536).toString(16).padStart(4, "0").padEnd(64, "5"),
		);
		await Promise.all(
			names.map((n, i) => stage.putBytes("packs", n, bytesOf(i))),
		);
		const listed = (await other.list("packs")).sort((a, b) => a.size - b.size);
		expect(listed).toEqual(names.map((n, size) => ({ name: n, size })));
	});

	test("a range is read from its first byte to its last", async () => {
		const { backend } = subject();
		await store(backend, "packs", name(1), bytesOf(1000));
		const all = bytesOf(1000);
		const read = (at: number, length: number) =>
			backend.read("packs", name(1), { at, length });
		expect(await read(0, 1000)).toEqual(all);
		expect(await read(10, 5)).toEqual(all.slice(10, 15));
		expect(await read(999, 1)).toEqual(all.slice(999));
		expect(await read(1000, 0)).toEqual(new Uint8Array(0));
	});

	test("a range beyond the end is corruption", async () => {
		const { backend } = subject();
		await store(backend, "packs", name(1), bytesOf(1000));
		const read = backend.read("packs", name(1), { at: 999, length: 2 });
		await expect(read).rejects.toMatchObject({
			name: "CorruptError",
			code: "TOO_SHORT",
		});
	});

	test("an absent file is a NotFoundError, and its size undefined", async () => {
		const { backend } = subject();
		expect(await backend.size("packs", name(1))).toBeUndefined();
		await expect(backend.read("packs", name(1))).rejects.toMatchObject({
			name: "NotFoundError",
			code: "NO_FILE",
		});
	});

	test("what a reader got is its own: changing it changes nothing stored", async () => {
		const { backend } = subject();
		await store(backend, "segments", name(1), bytesOf(10));
		(await backend.read("segments", name(1))).fill(0);
		expect(await backend.read("segments", name(1))).toEqual(bytesOf(10));
	});

	test("an aborted listing fails with the reason of its signal", async () => {
		const reason = new Error("enough");
		const listing = subject().backend.list("packs", {
			signal: AbortSignal.abort(reason),
		});
		await expect(listing).rejects.toBe(reason);
	});

	test("close can be called again", async () => {
		await subject().backend.close();
		await subject().backend.close();
	});

	test("the space left is a number or not known", async () => {
		const space = await subject().backend.space();
		if (space !== undefined) expect(space).toBeGreaterThanOrEqual(0);
	});
}

export function describeBlockingReads(subject: Subject): void {
	test("blocking reads fill the target from the byte asked for", async () => {
		const { backend } = subject();
		await store(backend, "packs", name(1), bytesOf(1000));
		const target = new Uint8Array(100);
		backend.blocking.readInto("packs", name(1), 900, target);
		expect(target).toEqual(bytesOf(1000).slice(900));
		expect(backend.blocking.size("packs", name(1))).toBe(1000);
	});

	test("blocking reads reach more files than are kept open", async () => {
		const { backend } = subject();
		const stage = await backend.stage(leaseA);
		for (let i = 0; i < 100; i++)
			await stage.putBytes("packs", name(i), bytesOf(10, i));
		const target = new Uint8Array(10);
		for (let round = 0; round < 2; round++)
			for (let i = 0; i < 100; i++) {
				backend.blocking.readInto("packs", name(i), 0, target);
				expect(target).toEqual(bytesOf(10, i));
			}
	});

	test("blocking reads tell absence from a file that is too short", async () => {
		const { backend } = subject();
		await store(backend, "packs", name(1), bytesOf(10));
		const read = (n: number, length: number) => () =>
			backend.blocking.readInto("packs", name(n), 0, new Uint8Array(length));
		expect(backend.blocking.size("packs", name(2))).toBeUndefined();
		expect(read(2, 1)).toThrow(expect.objectContaining({ code: "NO_FILE" }));
		expect(read(1, 11)).toThrow(expect.objectContaining({ code: "TOO_SHORT" }));
	});

	test("blocking reads can be closed and used again", async () => {
		const { backend } = subject();
		await store(backend, "packs", name(1), bytesOf(10));
		const target = new Uint8Array(10);
		for (let i = 0; i < 2; i++) {
			backend.blocking.readInto("packs", name(1), 0, target);
			backend.blocking.close();
		}
		expect(target).toEqual(bytesOf(10));
	});
}
