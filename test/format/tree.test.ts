import fc from "fast-check";
import { describe, expect, test } from "vitest";
import {
	type Attribute,
	ByteWriter,
	blankNode,
	type Content,
	decodeTree,
	encodeTree,
	ItemKind,
	isNodeName,
	isPaged,
	type Node,
	NodeKind,
	utf8,
} from "../../packages/format/src/index.ts";
import { few, many, nodes } from "./arbitraries.ts";
import { richTree, smallTree } from "./samples.ts";
import {
	bytesOf,
	expectCanonical,
	expectRefusedCheaply,
	expectSturdy,
	hex,
} from "./sturdy.ts";

const codec = { decode: decodeTree, encode: encodeTree };
const file = (name: string, more: Partial<Node> = {}): Node => ({
	...blankNode(utf8(name), NodeKind.file),
	...more,
});
const content = (
	kinds: readonly (keyof typeof ItemKind)[],
	length = 65_536,
): Content => ({
	kinds: kinds.map((kind) => ItemKind[kind]),
	lengths: kinds.map(() => length),
	ids: new Uint8Array(32 * kinds.filter((kind) => kind !== "zeros").length),
});

describe("trees", () => {
	test("any nodes come back", () => {
		fc.assert(
			fc.property(nodes(12), (all) => {
				const bytes = encodeTree(all);
				expect(decodeTree(bytes)).toEqual(all);
				expect(isPaged(bytes)).toBe(false);
			}),
			few,
		);
	});

	test("8,192 nodes come back", () => {
		const all = Array.from({ length: 8192 }, (_, i) =>
			file(String(i).padStart(4, "0"), { mtime: i % 3 }),
		);
		expect(decodeTree(encodeTree(all))).toEqual(all);
	});

	test.each([
		["small", smallTree],
		["rich", richTree],
		["empty", []],
	])(
		"T04 the %s tree with any byte changed or cut off is refused, or is another tree",
		(_, all) => {
			expectSturdy(codec, encodeTree(all));
		},
	);

	test("T04 trees with several bytes changed are refused, or are other trees", () => {
		const bytes = encodeTree(richTree);
		const change = fc.tuple(fc.nat(bytes.length - 1), fc.nat(255));
		fc.assert(
			fc.property(fc.array(change, { maxLength: 8 }), (changes) => {
				const changed = bytes.slice();
				for (const [at, byte] of changes) changed[at] = byte;
				expectCanonical(codec, changed);
			}),
			many,
		);
	});

	test("T04 whatever follows VT1 is refused, or is a tree", () => {
		fc.assert(
			fc.property(fc.uint8Array({ maxLength: 60 }), (rest) =>
				expectCanonical(codec, Uint8Array.of(0x56, 0x54, 0x31, 0, ...rest)),
			),
			many,
		);
	});
});

describe("nodes that no directory holds", () => {
	const long = "x".repeat(4097);
	test.each(["", ".", "..", "a/b", "/", "a\0", long])(
		"the name %j is not encoded",
		(name) => {
			expect(isNodeName(utf8(name))).toBe(false);
			expect(() => encodeTree([file(name)])).toThrow("impossible name");
		},
	);

	test.each(["...", ".a", "a.", "-", " ", "\\", "x".repeat(4096)])(
		"the name %j is",
		(name) => {
			expect(decodeTree(encodeTree([file(name)]))).toEqual([file(name)]);
		},
	);

	test.each([
		["names out of order", [file("b"), file("a")]],
		["a name twice", [file("a"), file("a")]],
		["UTF-16 order", [file("\u{1f600}"), file("\uff5e")]],
		[
			"too many nodes",
			Array.from({ length: 8193 }, (_, i) => file(String(i).padStart(4, "0"))),
		],
		["a mode with type bits", [file("a", { mode: 0o100644 })]],
		["a negative owner", [file("a", { uid: -1 })]],
		["an owner of 33 bits", [file("a", { gid: 2 ** 32 })]],
		["an mtime beyond reach", [file("a", { mtime: 2 ** 51 })]],
		["an mtime that is no number", [file("a", { mtime: Number.NaN })]],
		["a second of nanoseconds", [file("a", { mtimeNs: 1e9 })]],
		["an unknown kind", [file("a", { kind: 8 as NodeKind })]],
		["a directory without a tree", [file("a", { kind: NodeKind.directory })]],
		["a symlink without a target", [file("a", { kind: NodeKind.symlink })]],
		[
			"a symlink to nothing",
			[file("a", { kind: NodeKind.symlink, target: utf8("") })],
		],
		[
			"a symlink to a zero byte",
			[file("a", { kind: NodeKind.symlink, target: utf8("a\0") })],
		],
		["a torn fifo", [file("a", { kind: NodeKind.fifo, torn: true })]],
		[
			"holes without zeros",
			[file("a", { holes: true, content: content(["chunk"]) })],
		],
		[
			"zeros next to zeros",
			[file("a", { content: content(["zeros", "zeros"]) })],
		],
		["few zeros", [file("a", { content: content(["zeros"], 65_535) })]],
		[
			"17 items without a list",
			[file("a", { content: content(Array(17).fill("chunk")) })],
		],
		["an item of no length", [file("a", { content: content(["chunk"], 0) })]],
		[
			"a file over 2 PiB",
			[file("a", { content: content(["zeros", "list"], 2 ** 50) })],
		],
		[
			"an item without its id",
			[
				file("a", {
					content: { ...content(["chunk"]), ids: new Uint8Array(31) },
				}),
			],
		],
	])("%s: a plain Error, for it is the caller's fault", (_, all) => {
		expect(() => encodeTree(all)).toThrow(
			expect.objectContaining({ name: "Error" }),
		);
	});

	test("17 items without a list are kept of a file that changed while it was read", () => {
		const torn = file("a", {
			torn: true,
			content: content(Array(17).fill("chunk")),
		});
		expect(decodeTree(encodeTree([torn]))).toEqual([torn]);
	});
});

/** The bytes of a tree of two files, "a" and "b", each part of it replaceable. */
function twoFiles(
	parts: Partial<Record<keyof typeof plain, string>> = {},
): Uint8Array {
	return Uint8Array.from(
		Buffer.from(Object.values({ ...plain, ...parts }).join(""), "hex"),
	);
}
const plain = {
	magic: "56543100",
	count: "02",
	names: "01610162",
	kinds: "0101",
	modes: "a401a401",
	uids: "0000",
	gids: "0000",
	mtimes: "0000",
	nanoseconds: "0000000000000000",
	counts: "0000",
	items: "",
	xattrs: "00",
	attributes: "00",
};

describe("trees that no encoder writes", () => {
	test("the tree by hand is what is encoded", () => {
		const mode = 0o644;
		expect(hex(encodeTree([file("a", { mode }), file("b", { mode })]))).toBe(
			hex(twoFiles()),
		);
	});

	test.each([
		["another magic", { magic: "56583100" }],
		["no version", { magic: "56540000" }],
		["names out of order", { names: "01620161" }],
		["a name twice", { names: "01610161" }],
		["an empty name", { names: "00026162" }],
		["a name with a slash", { names: "012f0162" }],
		["the name ..", { names: "022e2e0162" }],
		["an overlong count", { count: "8200" }],
		["a mode of 16 bits", { modes: "a481a401" }],
		["an owner of 33 bits", { uids: "808080801000" }],
		["an mtime out of reach", { mtimes: "ffffffffffffff0f00" }],
		[
			"mtimes that leave the range together",
			{ mtimes: "feffffffffffff07feffffffffffff07" },
		],
		["a second of nanoseconds", { nanoseconds: "00ca9a3b00000000" }],
		["a torn fifo", { kinds: "2401", counts: "00" }],
		["an item of kind 3", { counts: "0100", items: "07" }],
		["an item of no length", { counts: "0100", items: `01${"00".repeat(32)}` }],
		["a run of 65,535 zeros", { counts: "0100", items: "fcff0f" }],
		["two runs of zeros in a row", { counts: "0200", items: "808010808010" }],
		[
			"an id that is cut off",
			{ counts: "0100", items: `05${"00".repeat(31)}` },
		],
		["holes without zeros", { kinds: "1101" }],
		["attributes of a third node", { xattrs: "01020101610162" }],
		["attributes out of order", { xattrs: "02010101610162000101610162" }],
		["an owner of no attributes", { xattrs: "010000" }],
		["attribute names out of order", { xattrs: "010002016200016100" }],
		["an attribute name twice", { xattrs: "010002016100016100" }],
		["an attribute without a name", { xattrs: "0100010000" }],
		["an attribute with a zero byte in its name", { xattrs: "010001010000" }],
		["bytes at the end", { attributes: "0000" }],
	])("%s: a CorruptError", (_, parts) => {
		expect(() => decodeTree(twoFiles(parts))).toThrow(
			expect.objectContaining({ name: "CorruptError" }),
		);
	});

	test.each([
		["tree-2", { magic: "56543200" }],
		["node-8", { kinds: "0801" }],
		["node-0", { kinds: "0001" }],
		["node-65", { kinds: "4101" }],
		["attribute-!acl", { attributes: "010001042161636c00" }],
	])("%s: an UnsupportedError that names it", (feature, parts) => {
		expect(() => decodeTree(twoFiles(parts))).toThrow(
			expect.objectContaining({
				name: "UnsupportedError",
				details: { feature },
			}),
		);
	});

	test("an attribute that need not be understood is kept", () => {
		const attribute: Attribute = { name: utf8("later"), value: utf8("x") };
		const all = [file("a", { attributes: [attribute] })];
		expect(decodeTree(encodeTree(all))).toEqual(all);
	});

	test("an extended attribute may begin with any letter", () => {
		const all = [
			file("a", { xattrs: [{ name: utf8("!user"), value: utf8("x") }] }),
		];
		expect(decodeTree(encodeTree(all))).toEqual(all);
	});

	test("attributes out of order are not encoded", () => {
		const unsorted = ["b", "a"].map((name) => ({
			name: utf8(name),
			value: utf8(""),
		}));
		for (const column of ["xattrs", "attributes"])
			expect(() => encodeTree([file("a", { [column]: unsorted })])).toThrow(
				"out of order",
			);
	});

	test.each([
		["nodes", "\u0001".repeat(20)],
		["items", ""],
	])(
		"T97 a count of 2^53 - 1 %s is refused before anything is made for them",
		(what, rest) => {
			const w = new ByteWriter();
			const tree = twoFiles();
			if (what === "nodes") {
				w.bytes(bytesOf("VT1\0"));
				w.varint(Number.MAX_SAFE_INTEGER);
				w.bytes(bytesOf(rest));
			} else {
				w.bytes(tree.subarray(0, tree.length - 4));
				w.varint(Number.MAX_SAFE_INTEGER);
				w.bytes(new Uint8Array(20));
			}
			expectRefusedCheaply(decodeTree, w.finish());
		},
	);

	test("T97 items of many files that cannot all have their ids are refused before items are made", () => {
		const names = Array.from({ length: 100 }, (_, i) =>
			file(String(i).padStart(2, "0")),
		);
		const empty = encodeTree(names);
		const w = new ByteWriter(4 << 20);
		w.bytes(empty.subarray(0, empty.length - names.length - 2));
		for (const _ of names) w.varint(40_000);
		for (let i = 0; i < 4_000_000; i++) w.u8(5);
		expectRefusedCheaply(decodeTree, w.finish());
	});

	test("T97 more than 2^20 attributes are refused, read and written", () => {
		const names = Array.from({ length: 2 ** 15 }, (_, i) =>
			Uint8Array.of(1 + (i >> 8), 1 + ((i >> 4) & 15), 1 + (i & 15)),
		);
		const xattrs = names.map((name) => ({ name, value: new Uint8Array(0) }));
		const files = (count: number, more: Partial<Node>) =>
			Array.from({ length: count }, (_, i) =>
				file(String(i).padStart(2, "0"), more),
			);
		expect(decodeTree(encodeTree(files(32, { xattrs })))).toHaveLength(32);
		expect(() => encodeTree(files(33, { xattrs }))).toThrow("attributes");
		const w = new ByteWriter();
		const bare = encodeTree(files(33, {}));
		w.bytes(bare.subarray(0, bare.length - 2));
		w.varint(33);
		for (let i = 0; i < 33; i++) {
			w.varint(i);
			w.varint(names.length);
			for (const name of names) {
				w.block(name);
				w.varint(0);
			}
		}
		w.varint(0);
		expect(() => decodeTree(w.finish())).toThrow("1081344 attributes");
	});

	test("T97 a tree of 16 MiB that claims a node for each byte is refused before nodes are made", () => {
		const w = new ByteWriter();
		w.bytes(bytesOf("VT1\0"));
		w.varint(1_300_000);
		w.zeros(16 << 20);
		expectRefusedCheaply(decodeTree, w.finish());
	});
});
