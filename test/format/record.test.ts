import fc from "fast-check";
import { describe, expect, test } from "vitest";
import {
	type ChunkId,
	canonicalJson,
	decodeName,
	decodeRecord,
	encodeRecord,
	fromUtf8,
	type Json,
	noStatistics,
	parseTreeId,
	type Root,
	type SnapshotRecord,
	type Statistics,
	utf8,
} from "../../packages/format/src/index.ts";
import { attributes, few, nodePath } from "./arbitraries.ts";
import { bareRecord, keptRecord, record } from "./samples.ts";
import { attempt, damaged, hex } from "./sturdy.ts";

const text = fc.string({ unit: "binary", maxLength: 20 });
const id = fc
	.uint8Array({ minLength: 32, maxLength: 32 })
	.map((bytes) => Buffer.from(bytes).toString("hex"));
const optional = <T>(arbitrary: fc.Arbitrary<T>) =>
	fc.option(arbitrary, { nil: undefined });
const path = fc.oneof(
	fc.constant("/"),
	nodePath.map((bytes) => `/${decodeName(bytes)}`),
);
const owner = fc.integer({ min: 0, max: 0xffff_ffff });

const root: fc.Arbitrary<Root> = fc.record({
	path,
	kind: fc.constantFrom("directory" as const, "entries" as const),
	tree: id.map(parseTreeId),
	mode: fc.integer({ min: 0, max: 0o7777 }),
	uid: owner,
	gid: owner,
	mtime: fc.integer({ min: -(2 ** 51), max: 2 ** 51 - 1 }),
	mtimeNs: fc.integer({ min: 0, max: 999_999_999 }),
	xattrs: attributes,
});
const names = fc
	.array(fc.tuple(owner, text), { maxLength: 3 })
	.map((all) => Object.fromEntries(all.map(([n, name]) => [String(n), name])));

const records: fc.Arbitrary<SnapshotRecord> = fc
	.record({
		host: text,
		roots: fc.array(root, { maxLength: 3 }),
		links: optional(id.map((i) => i as ChunkId)),
		tags: fc.array(text, { maxLength: 3 }),
		pin: fc.boolean(),
		note: text,
		statistics: fc.nat().map((files) => ({ ...noStatistics, files })),
		unread: fc.array(fc.record({ path, reason: text }), { maxLength: 3 }),
		kept: fc.array(text, { maxLength: 2 }),
		notKept: fc.dictionary(text, fc.nat(), { maxKeys: 3 }),
		users: names,
		groups: names,
	})
	.map((some) => ({ ...record, ...some }));

/** The record with members changed, whatever they say. */
const changed = (members: { readonly [key: string]: Json }) => {
	const value = JSON.parse(fromUtf8(encodeRecord(record), "it"));
	return utf8(canonicalJson({ ...value, ...members }));
};
const rootWith = (members: { readonly [key: string]: Json }) => {
	const value = JSON.parse(fromUtf8(encodeRecord(record), "it"));
	return { roots: [{ ...value.roots[0], ...members }] };
};

describe("snapshot records", () => {
	test.each([
		["full", record],
		["kept", keptRecord],
		["bare", bareRecord],
	])("the %s record comes back", (_, value) => {
		expect(decodeRecord(encodeRecord(value))).toEqual(value);
	});

	test("any record comes back, and again with the same bytes", () => {
		fc.assert(
			fc.property(records, (value) => {
				const bytes = encodeRecord(value);
				const read = decodeRecord(bytes);
				expect(read).toEqual(value);
				expect(hex(encodeRecord(read))).toBe(hex(bytes));
			}),
			few,
		);
	});

	test("T66 a path of any bytes comes back", () => {
		const stray = decodeName(Uint8Array.of(0x2f, 0xff, 0xed, 0xa0, 0x80, 0xc3));
		const value = { ...record, unread: [{ path: stray, reason: "EIO" }] };
		expect(decodeRecord(encodeRecord(value)).unread[0]?.path).toBe(stray);
	});

	test("T04 with any byte changed or cut off it is refused, or is another record", () => {
		// A statistic of 0 could as well be missing.
		const counted = Object.keys(noStatistics).map((key) => [key, 7]);
		const statistics = Object.fromEntries(counted) as Statistics;
		const value = { ...record, statistics };
		for (const damage of damaged(encodeRecord(value))) {
			const read = attempt(decodeRecord, damage);
			if (read !== undefined) expect(read.value).not.toEqual(value);
		}
	});

	test.each([
		["record-format-2", { format: 2 }],
		["later", { features: ["later"] }],
		["root-stream", rootWith({ kind: "stream" })],
	])("%s: an UnsupportedError that names it", (feature, members) => {
		expect(() => decodeRecord(changed(members))).toThrow(
			expect.objectContaining({
				name: "UnsupportedError",
				details: { feature },
			}),
		);
	});

	test.each([
		"",
		"relative",
		"/a/",
		"//a",
		"/a//b",
		"/.",
		"/a/..",
		"/../etc",
		"/a/./b",
		"/a\0b",
	])("a root at %j is refused: a restore makes directories of it", (path) => {
		expect(() => decodeRecord(changed(rootWith({ path })))).toThrow(
			"absolute path",
		);
		const roots = [{ ...(record.roots[0] as Root), path }];
		expect(() => encodeRecord({ ...record, roots })).toThrow(
			"not as it must be",
		);
	});

	test.each([
		["a tree id in upper case", rootWith({ tree: "A".repeat(64) })],
		["a mode with type bits", rootWith({ mode: 0o40755 })],
		["a negative owner", rootWith({ uid: -1 })],
		["an owner of 33 bits", rootWith({ gid: 2 ** 32 })],
		["an mtime as a text", rootWith({ mtime: "1" })],
		["an mtime out of reach", rootWith({ mtime: 2 ** 51 })],
		["a second of nanoseconds", rootWith({ mtimeNs: 1_000_000_000 })],
		[
			"attributes out of order",
			rootWith({
				xattrs: [
					{ name: "user.b", value: "" },
					{ name: "user.a", value: "" },
				],
			}),
		],
		["no attributes where there are some", rootWith({ xattrs: [] })],
		[
			"an attribute without a name",
			rootWith({ xattrs: [{ name: "", value: "" }] }),
		],
		[
			"a value that is no base64",
			rootWith({ xattrs: [{ name: "user.a", value: "?" }] }),
		],
		["bytes beside a path that needs none", rootWith({ path_b64: "YQ==" })],
		["a time without milliseconds", { time: "2026-01-02T03:04:05Z" }],
		["a parent that is null", { parent: null }],
		["a link table that is no id", { links: "x" }],
		["a user with a name for number", { users: { root: "root" } }],
		["a user with a number of 33 bits", { users: { "4294967296": "x" } }],
		["a group with a leading zero", { groups: { "01": "x" } }],
		["a count below zero", { notKept: { acl: -1 } }],
		["a statistic below zero", { statistics: { files: -1 } }],
		["a hash of something else", { known: { count: 1, hash: "x" } }],
		["roots that are no list", { roots: {} }],
		["tags that are no texts", { tags: [1] }],
	])("%s: a CorruptError", (_, members) => {
		expect(() => decodeRecord(changed(members))).toThrow(
			expect.objectContaining({ name: "CorruptError" }),
		);
	});

	test("members and statistics of a later version are ignored, missing statistics are 0", () => {
		const { statistics } = decodeRecord(
			changed({ later: 1, statistics: { files: 2, later: 3 } }),
		);
		expect(statistics).toEqual({ ...noStatistics, files: 2 });
	});

	test("a record that nobody could read back is not written", () => {
		for (const wrong of [{ time: "now" }, { parent: "x" }, { pin: 1 }])
			expect(() =>
				encodeRecord({ ...record, ...wrong } as SnapshotRecord),
			).toThrow("not as it must be");
	});
});
