import { createHash } from "node:crypto";
import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { createCutter } from "../../packages/kernel/src/gear-wasm.ts";
import {
	sha256,
	sha256Hex,
	sha256Into,
	startSha256,
} from "../../packages/kernel/src/hash.ts";
import { createXxh64 } from "../../packages/kernel/src/xxh64.ts";

const abc = new TextEncoder().encode("abc");
const abcHex =
	"ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad";

describe("SHA-256", () => {
	test("gives the published digests", () => {
		expect(sha256Hex(abc)).toBe(abcHex);
		expect(Buffer.from(sha256(abc)).toString("hex")).toBe(abcHex);
		expect(sha256Hex(new Uint8Array(0))).toBe(
			"e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855",
		);
	});

	test("writes where it was told and nowhere else", () => {
		const target = new Uint8Array(40).fill(7);
		sha256Into(abc, target, 5);
		expect(Buffer.from(target.subarray(5, 37)).toString("hex")).toBe(abcHex);
		expect([...target.subarray(0, 5), ...target.subarray(37)]).toEqual(
			new Array(8).fill(7),
		);
	});

	test("owns what it returns", () => {
		expect(sha256(abc).buffer.byteLength).toBe(32);
	});

	test("of views, whole or in parts, is what createHash says of a copy", () => {
		const bytes = fc.uint8Array({ maxLength: 300 });
		fc.assert(
			fc.property(bytes, fc.nat(300), fc.nat(300), (all, a, b) => {
				const view = all.subarray(Math.min(a, b), Math.max(a, b));
				const expected = createHash("sha256")
					.update(view.slice())
					.digest("hex");
				expect(Buffer.from(sha256(view)).toString("hex")).toBe(expected);
				const running = startSha256();
				running.update(view.subarray(0, a));
				running.update(view.subarray(a));
				expect(running.hex()).toBe(expected);
			}),
			{ numRuns: 100, seed: 1 },
		);
	});

	test("reads the memory of WebAssembly in place", () => {
		const sizes = { min: 64, average: 128, max: 256 };
		const { memory } = createCutter({ ...sizes, capacity: 2000 });
		const view = memory.subarray(1000, 1003);
		view.set(abc);
		expect(sha256Hex(view)).toBe(abcHex);
	});
});

describe("XXH64", async () => {
	const xxh64 = await createXxh64();

	test("gives the published values", () => {
		expect(xxh64.of(new Uint8Array(0))).toBe(0xef46db3751d8e999n);
		expect(xxh64.of(abc)).toBe(0x44bc2cf5ad770999n);
	});

	test("in parts is that of the whole", () => {
		const parts = fc.array(fc.uint8Array({ maxLength: 100 }), { maxLength: 8 });
		fc.assert(
			fc.property(parts, (all) => {
				const running = xxh64.start();
				for (const part of all) running.update(part);
				expect(running.digest()).toBe(
					xxh64.of(new Uint8Array(Buffer.concat(all))),
				);
			}),
			{ numRuns: 100, seed: 1 },
		);
	});

	test("of a whole megabyte does not depend on what was hashed before", () => {
		const block = new Uint8Array(1024 * 1024).map((_, i) => i * i);
		const expected = xxh64.of(block);
		xxh64.of(abc);
		expect(xxh64.of(block)).toBe(expected);
		expect(xxh64.of(block.subarray(1))).not.toBe(expected);
	});
});
