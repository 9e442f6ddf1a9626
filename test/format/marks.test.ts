import { describe, expect, test } from "vitest";
import {
	decodeForgotten,
	decodeGcList,
	decodeLabel,
	decodeLease,
	encodeChecked,
	encodeForgotten,
	encodeGcList,
	encodeLabel,
	encodeLease,
	type Json,
	parsePackId,
} from "../../packages/format/src/index.ts";
import { sha256Hex } from "./hashes.ts";
import { forgotten, gcList, labels, leaseRecord } from "./samples.ts";
import { expectAllRefused } from "./sturdy.ts";

const marks = [
	...labels.map((value) => ({
		name: `label ${value.op}`,
		value: value as object,
		bytes: encodeLabel(value, sha256Hex),
		decode: (bytes: Uint8Array): object => decodeLabel(bytes, sha256Hex),
	})),
	{
		name: "forgotten mark",
		value: forgotten,
		bytes: encodeForgotten(forgotten, sha256Hex),
		decode: (bytes: Uint8Array) => decodeForgotten(bytes, sha256Hex),
	},
	{
		name: "lease",
		value: leaseRecord,
		bytes: encodeLease(leaseRecord, sha256Hex),
		decode: (bytes: Uint8Array) => decodeLease(bytes, sha256Hex),
	},
	{
		name: "gc list",
		value: gcList,
		bytes: encodeGcList(gcList, sha256Hex),
		decode: (bytes: Uint8Array) => decodeGcList(bytes, sha256Hex),
	},
];

/** A mark with members changed, and the right checksum whatever they say. */
const changed = (
	value: object,
	members: { readonly [key: string]: Json | undefined },
) =>
	encodeChecked(
		{ ...(value as { [key: string]: Json }), ...members },
		sha256Hex,
	);

describe("marks", () => {
	test.each(marks)("a $name comes back", ({ value, bytes, decode }) => {
		expect(decode(bytes)).toEqual(value);
	});

	test.each(marks)(
		"T04 a $name with any byte changed or cut off is refused",
		({ bytes, decode }) => {
			expectAllRefused(decode, bytes);
		},
	);

	test.each(marks)(
		"a $name without one of its members is refused",
		({ value, decode }) => {
			for (const key of Object.keys(value))
				expect(() => decode(changed(value, { [key]: undefined }))).toThrow(
					expect.objectContaining({ name: "CorruptError" }),
				);
		},
	);

	test("packs and snapshots of a gc list are written in ascending order, whatever theirs was", () => {
		const backwards = { ...gcList, packs: [...gcList.packs].reverse() };
		expect(encodeGcList(backwards, sha256Hex)).toEqual(
			encodeGcList(gcList, sha256Hex),
		);
	});

	const [label] = labels;
	const pack = parsePackId("61".repeat(32));
	test.each([
		[
			"an id of another length",
			changed(forgotten, { snapshot: "ab" }),
			decodeForgotten,
		],
		[
			"a time without milliseconds",
			changed(forgotten, { time: "2026-01-02T03:04:05Z" }),
			decodeForgotten,
		],
		[
			"a lease id of 32 bytes",
			changed(leaseRecord, { lease: "ab".repeat(32) }),
			decodeLease,
		],
		["a beat below zero", changed(leaseRecord, { beat: -1 }), decodeLease],
		[
			"packs out of order",
			changed(gcList, { packs: ["62".repeat(32), pack] }),
			decodeGcList,
		],
		["a pack twice", changed(gcList, { packs: [pack, pack] }), decodeGcList],
		[
			"a lease to wait for that is none",
			changed(gcList, { waitsFor: ["me"] }),
			decodeGcList,
		],
		[
			"an expiry that is no time",
			changed(label ?? {}, { op: "expire", value: "soon" }),
			decodeLabel,
		],
		[
			"a kind without a proper name",
			changed(leaseRecord, { kind: "\u0007" }),
			decodeLease,
		],
	])("%s: a CorruptError", (_, bytes, decode) => {
		expect(() => decode(bytes, sha256Hex)).toThrow(
			expect.objectContaining({ name: "CorruptError" }),
		);
	});

	test.each([
		["label-merge", changed(label ?? {}, { op: "merge" }), decodeLabel],
		["lease-mount", changed(leaseRecord, { kind: "mount" }), decodeLease],
	])("%s: an UnsupportedError that names it", (feature, bytes, decode) => {
		expect(() => decode(bytes, sha256Hex)).toThrow(
			expect.objectContaining({
				name: "UnsupportedError",
				details: { feature },
			}),
		);
	});
});
