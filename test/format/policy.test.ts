import { describe, expect, test } from "vitest";
import {
	decodePolicy,
	encodeChecked,
	encodePolicy,
	isDuration,
	isPolicyName,
	type Json,
} from "../../packages/format/src/index.ts";
import { sha256Hex } from "./hashes.ts";
import { policies } from "./samples.ts";
import { expectAllRefused } from "./sturdy.ts";

const decode = (bytes: Uint8Array) => decodePolicy(bytes, sha256Hex);
const [whole] = policies;

const changed = (members: { readonly [key: string]: Json }) =>
	encodeChecked({ ...(whole as unknown as object), ...members }, sha256Hex);
const retention = (members: { readonly [key: string]: Json }) =>
	changed({
		retention: { groupBy: [], policy: {}, exceptions: [], ...members },
	});

describe("stored policies", () => {
	test.each(policies)("$name comes back", (policy) => {
		expect(decode(encodePolicy(policy, sha256Hex))).toEqual(policy);
	});

	test("T04 a policy with any byte changed or cut off is refused", () => {
		for (const policy of policies)
			expectAllRefused(decode, encodePolicy(policy, sha256Hex));
	});

	test.each([
		["a name with a dot", changed({ name: "a.b" })],
		["a time without milliseconds", changed({ time: "2026-01-02T03:04:05Z" })],
		["no fields to group by", changed({ retention: { policy: {} } })],
		["a count below -1", retention({ policy: { keepLast: -2 } })],
		["a duration in weeks", retention({ policy: { keepWithin: "1w" } })],
		["tags that are no list", retention({ policy: { keepTags: "a" } })],
		["an exception without a policy", retention({ exceptions: [{}] })],
	])("%s: a CorruptError", (_, bytes) => {
		expect(() => decode(bytes)).toThrow(
			expect.objectContaining({ name: "CorruptError" }),
		);
	});

	test.each([
		["policy-keepforever", retention({ policy: { keepForever: 1 } })],
		["policy-otherwise", retention({ otherwise: [] })],
		["policy-users", retention({ exceptions: [{ users: [], policy: {} }] })],
		["group-profile", retention({ groupBy: ["profile"] })],
	])("%s: an UnsupportedError that names it", (feature, bytes) => {
		expect(() => decode(bytes)).toThrow(
			expect.objectContaining({
				name: "UnsupportedError",
				details: { feature },
			}),
		);
	});

	test("names and durations are what the page says", () => {
		expect(["default", "0", "A_b-9", "a".repeat(64)].every(isPolicyName)).toBe(
			true,
		);
		expect(["", "-a", "a b", "ä", "a".repeat(65)].some(isPolicyName)).toBe(
			false,
		);
		expect(["1y", "1y5m7d2h", "36h", "0y1d"].every(isDuration)).toBe(true);
		expect(["", "1", "0d", "1h1d", "1234567d", "1w"].some(isDuration)).toBe(
			false,
		);
	});
});
