import { describe, expect, test } from "vitest";
import {
	type Config,
	decodeConfig,
	defaultParameters,
	encodeChecked,
	encodeConfig,
	type Json,
	requireFeatures,
	requireParameters,
} from "../../packages/format/src/index.ts";
import { sha256Hex } from "./hashes.ts";
import { config } from "./samples.ts";
import { expectAllRefused } from "./sturdy.ts";

const decode = (bytes: Uint8Array) => decodeConfig(bytes, sha256Hex);
/** The config with members changed, and the right checksum whatever they say. */
const changed = (members: { readonly [key: string]: Json }) =>
	encodeChecked(
		{
			format: 1,
			...(config as unknown as { [key: string]: Json }),
			...members,
		},
		sha256Hex,
	);
const chunker = (
	sizes: Partial<Record<"min" | "average" | "max", number>>,
) => ({
	chunker: { ...config.chunker, ...sizes },
});

describe("config", () => {
	test("comes back", () => {
		expect(decode(encodeConfig(config, sha256Hex))).toEqual(config);
	});

	test("says only that no second copies are to be made; who says nothing makes them", () => {
		const without = { ...config, copies: false };
		expect(decode(encodeConfig(without, sha256Hex))).toEqual(without);
		expect(encodeConfig({ ...config, copies: true }, sha256Hex)).toEqual(
			encodeConfig(config, sha256Hex),
		);
		expect(() => decode(changed({ copies: "no" }))).toThrow();
	});

	test("the parameters of new repositories are possible", () => {
		requireParameters({
			...defaultParameters,
			id: config.id,
			created: config.created,
		});
	});

	test("T04 with any byte changed or cut off it is refused", () => {
		expectAllRefused(decode, encodeConfig(config, sha256Hex));
	});

	test("members that are not its own are not written", () => {
		const more = { ...config, password: "secret" } as Config;
		expect(encodeConfig(more, sha256Hex)).toEqual(
			encodeConfig(config, sha256Hex),
		);
	});

	test("members of a later version that need not be understood are ignored", () => {
		expect(decode(changed({ later: 1 }))).toEqual(config);
	});

	test.each([
		["format-2", { format: 2 }],
		["sealed", { features: ["sealed"] }],
		["b", { features: ["b", "a"] }],
		["chunker-gear2", { chunker: { ...config.chunker, algorithm: "gear2" } }],
	])("%s: an UnsupportedError that names it", (feature, members) => {
		expect(() => decode(changed(members))).toThrow(
			expect.objectContaining({
				name: "UnsupportedError",
				details: { feature },
			}),
		);
	});

	test("a feature without a proper name is a CorruptError: nobody can look it up", () => {
		for (const name of ["", "A", "\u001b[2J", "x".repeat(65), "a b"])
			expect(() => requireFeatures([name], "it")).toThrow(
				expect.objectContaining({ name: "CorruptError" }),
			);
	});

	const impossible: readonly (readonly [
		string,
		{ readonly [key: string]: Json },
	])[] = [
		["chunks of 63 bytes", chunker({ min: 63 })],
		["an average of no power of two", chunker({ average: 65_535 })],
		["an average of 0", chunker({ average: 0 })],
		["a minimum over the average", chunker({ min: 65_536 })],
		["a maximum of the average", chunker({ max: 65_536 })],
		["chunks of 16 MiB and a byte", chunker({ max: 16 * 1024 * 1024 + 1 })],
		["frames of 1,023 bytes", { frameBytes: 1023 }],
		["frames over 32 MiB", { frameBytes: 32 * 1024 * 1024 + 1 }],
		["packs smaller than frames", { packBytes: 1024 * 1024 - 1 }],
		["packs over 1 GiB", { packBytes: 1024 ** 3 + 1 }],
	];

	test.each(impossible)(
		"%s: an InputError to write, a CorruptError to read",
		(_, members) => {
			const wrong = { ...config, ...members } as unknown as Config;
			expect(() => encodeConfig(wrong, sha256Hex)).toThrow(
				expect.objectContaining({ name: "InputError" }),
			);
			expect(() => decode(changed(members))).toThrow(
				expect.objectContaining({ name: "CorruptError" }),
			);
		},
	);

	test.each([{ id: "ab" }, { id: "X".repeat(64) }])(
		"the id %j is impossible",
		(members) => {
			expect(() => requireParameters({ ...config, ...members })).toThrow(
				"32 bytes",
			);
			expect(() => decode(changed(members))).toThrow(
				expect.objectContaining({ name: "CorruptError" }),
			);
		},
	);
});
