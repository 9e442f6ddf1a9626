import fc from "fast-check";
import { describe, expect, test } from "vitest";
import {
	ByteWriter,
	compareWalkOrder,
	decodeLinks,
	encodeLinks,
	type LinkGroup,
	utf8,
} from "../../packages/format/src/index.ts";
import { few, linkGroups as groupsOf, many, nodePath } from "./arbitraries.ts";
import { linkGroups } from "./samples.ts";
import {
	bytesOf,
	expectCanonical,
	expectRefusedCheaply,
	expectSturdy,
} from "./sturdy.ts";

const codec = { decode: decodeLinks, encode: encodeLinks };
const group = (...paths: readonly string[]): LinkGroup =>
	paths.map((path) => ({ root: 0, path: utf8(path) }));

describe("tables of hard links", () => {
	test("any groups come back", () => {
		fc.assert(
			fc.property(groupsOf, (groups) => {
				fc.pre(groups.length > 0);
				expect(decodeLinks(encodeLinks(groups))).toEqual(groups);
			}),
			few,
		);
	});

	test("T04 with any byte changed or cut off it is refused, or is another table", () => {
		expectSturdy(codec, encodeLinks(linkGroups));
	});

	test("T04 whatever follows VH1 is refused, or is a table", () => {
		fc.assert(
			fc.property(fc.uint8Array({ maxLength: 40 }), (rest) =>
				expectCanonical(codec, Uint8Array.of(0x56, 0x48, 0x31, 0, ...rest)),
			),
			many,
		);
	});

	const wrong: readonly (readonly [string, readonly LinkGroup[]])[] = [
		["nothing", []],
		["a group of one", [group("a")]],
		["paths out of order", [group("b", "a")]],
		["a path twice", [group("a", "a")]],
		[
			"a path before one below a directory of its name",
			[group("a.txt", "a/b")],
		],
		["groups out of order", [group("b", "c"), group("a", "d")]],
		["an absolute path", [group("/a", "b")]],
		["a path upwards", [group("../../etc/passwd", "b")]],
		["an empty component", [group("a//b", "b")]],
		["an empty path", [group("", "b")]],
	];

	test.each(wrong)(
		"%s: not encoded, and a CorruptError to read",
		(_, groups) => {
			expect(() => encodeLinks(groups)).toThrow(
				expect.objectContaining({ name: "Error" }),
			);
			const w = new ByteWriter();
			w.bytes(bytesOf("VH1\0"));
			w.varint(groups.length);
			for (const paths of groups) {
				w.varint(paths.length);
				for (const { root, path } of paths) {
					w.varint(root);
					w.block(path);
				}
			}
			expect(() => decodeLinks(w.finish())).toThrow(
				expect.objectContaining({ name: "CorruptError" }),
			);
		},
	);

	test.each([
		["groups", [Number.MAX_SAFE_INTEGER]],
		["paths", [1, Number.MAX_SAFE_INTEGER]],
	])(
		"T97 a count of 2^53 - 1 %s is refused before anything is made for them",
		(_, counts) => {
			const w = new ByteWriter();
			w.bytes(bytesOf("VH1\0"));
			for (const count of counts) w.varint(count);
			w.zeros(100);
			expectRefusedCheaply(decodeLinks, w.finish());
		},
	);

	test("another version is an UnsupportedError that names it", () => {
		expect(() => decodeLinks(bytesOf("VH2\0"))).toThrow(
			expect.objectContaining({
				name: "UnsupportedError",
				details: { feature: "links-2" },
			}),
		);
	});
});

describe("compareWalkOrder", () => {
	test("is the order of paths component by component", () => {
		const components = (path: Uint8Array) =>
			Buffer.from(path).toString("latin1").split("/");
		const expected = (a: Uint8Array, b: Uint8Array) => {
			const [x, y] = [components(a), components(b)];
			for (let i = 0; i < Math.min(x.length, y.length); i++) {
				const [left = "", right = ""] = [x[i], y[i]];
				if (left !== right) return left < right ? -1 : 1;
			}
			return Math.sign(x.length - y.length);
		};
		fc.assert(
			fc.property(nodePath, nodePath, (a, b) => {
				expect(Math.sign(compareWalkOrder(a, b))).toBe(expected(a, b));
				const below = new Uint8Array([...a, 0x2f, ...b]);
				expect(compareWalkOrder(a, below)).toBeLessThan(0);
				expect(Math.sign(compareWalkOrder(below, b))).toBe(expected(below, b));
			}),
			many,
		);
	});

	test("a directory comes before what is below it, and that before a longer name", () => {
		const walk = ["", "a", "a/b", "a/b/c", "a/c", "a!", "a.txt", "b"].map(utf8);
		for (let i = 0; i + 1 < walk.length; i++)
			expect(
				compareWalkOrder(walk[i] as Uint8Array, walk[i + 1] as Uint8Array),
			).toBeLessThan(0);
	});
});
