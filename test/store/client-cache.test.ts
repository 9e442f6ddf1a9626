import {
	mkdtempSync,
	readdirSync,
	readFileSync,
	renameSync,
	rmSync,
	statSync,
	writeFileSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { createToolbox } from "@varve/kernel";
import { openClientCache, type Warning } from "@varve/store";
import { afterEach, beforeEach, describe, expect, test } from "vitest";

const { hash64 } = await createToolbox();
let folder: string;
let warnings: Warning[];
beforeEach(() => {
	folder = mkdtempSync(join(tmpdir(), "varve-cache-"));
	warnings = [];
});
afterEach(() => rmSync(folder, { recursive: true, force: true }));

const open = (path = join(folder, "cache")) =>
	openClientCache(path, hash64, (warning) => warnings.push(warning));
const bytes = Uint8Array.from({ length: 100 }, (_, i) => i);

describe("the client's cache", () => {
	test("gives back what was put, for the user alone", async () => {
		const cache = await open();
		expect(await cache.get("scan/a")).toBeUndefined();
		await cache.put("scan/a", bytes);
		await cache.put("plain", new Uint8Array(0));
		const again = await open();
		expect(Buffer.from((await again.get("scan/a")) as Uint8Array)).toEqual(
			Buffer.from(bytes),
		);
		expect((await again.get("plain"))?.length).toBe(0);
		const path = join(folder, "cache");
		expect(statSync(path).mode & 0o777).toBe(0o700);
		expect(statSync(join(path, "scan/a")).mode & 0o777).toBe(0o600);
		await cache.put("scan/a", bytes.subarray(0, 3));
		expect((await cache.get("scan/a"))?.length).toBe(3);
		expect(readdirSync(join(path, "scan"))).toEqual(["a"]);
	});

	test("T09 takes a damaged file for an absent one, whatever byte is wrong or missing", async () => {
		const cache = await open();
		await cache.put("a", bytes);
		const path = join(folder, "cache/a");
		const whole = readFileSync(path);
		for (let at = 0; at < whole.length; at++) {
			const damaged = Buffer.from(whole);
			damaged[at] = (damaged[at] as number) ^ 1;
			writeFileSync(path, damaged);
			expect(await cache.get("a")).toBeUndefined();
			writeFileSync(path, whole.subarray(0, at));
			expect(await cache.get("a")).toBeUndefined();
		}
		writeFileSync(path, whole);
		expect(await cache.get("a")).toBeDefined();
	});

	test("does not take one file for another", async () => {
		const cache = await open();
		await cache.put("a", bytes);
		renameSync(join(folder, "cache/a"), join(folder, "cache/b"));
		expect(await cache.get("b")).toBeUndefined();
	});

	test("costs a warning and nothing else where it cannot be written", async () => {
		writeFileSync(join(folder, "file"), "");
		const cache = await open(join(folder, "file"));
		await cache.put("a", bytes);
		expect(await cache.get("a")).toBeUndefined();
		expect(warnings.map(({ code }) => code)).toEqual(["CACHE_UNUSABLE"]);
		expect((await cache.usage()).length).toBe(0);
	});

	test("keeps nothing without a folder", async () => {
		const cache = await openClientCache(undefined, hash64);
		expect(cache.folder).toBeUndefined();
		await cache.put("a", bytes);
		expect(await cache.get("a")).toBeUndefined();
		expect(await cache.usage()).toEqual([]);
		await cache.clear();
	});

	test("counts bytes and files by what they are for, and is cleared", async () => {
		const cache = await open();
		expect(await cache.usage()).toEqual([]);
		await cache.put("scan/a", bytes);
		await cache.put("scan/b", bytes);
		await cache.put("other", bytes);
		expect(await cache.usage()).toEqual([
			{ name: "other", bytes: 116, files: 1 },
			{ name: "scan", bytes: 232, files: 2 },
		]);
		await cache.clear();
		expect(await cache.usage()).toEqual([]);
		expect(await cache.get("other")).toBeUndefined();
	});

	test("refuses names that lead out of it", async () => {
		const cache = await open();
		for (const name of ["../a", "/a", "a/b/c", "", ".a", "a/../b"])
			await expect(cache.get(name)).rejects.toThrow(/not a name/);
	});
});
