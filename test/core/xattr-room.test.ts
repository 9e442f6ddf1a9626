import {
	blankNode,
	encodeTree,
	type Node,
	NodeKind,
	utf8,
} from "@varve/format";
import { describe, expect, test } from "vitest";
import { shedXattrs } from "../../packages/core/src/snapshot/xattr-room.ts";

const value = new Uint8Array(65_536);
const node = (i: number, count: number): Node => ({
	...blankNode(utf8(`${i}`.padStart(5, "0")), NodeKind.fifo),
	xattrs: Array.from({ length: count }, (_, k) => ({
		name: utf8(`user.${`${k}`.padStart(6, "0")}`),
		value,
	})),
});
const tiny = Array.from({ length: 1000 }, (_, i) => ({
	name: utf8(String.fromCodePoint(0x100 + i)),
	value: new Uint8Array(0),
}));

describe("the room for extended attributes in a tree", () => {
	test("is enough for what directories have: nodes stay as they are", () => {
		const nodes = [node(1, 0), node(2, 3), node(3, 500)];
		expect(shedXattrs(nodes)).toEqual({ nodes, shed: 0 });
		expect(shedXattrs(nodes).nodes).toBe(nodes);
	});

	test("ends at 32 MiB: what comes later goes without, and is counted", () => {
		const nodes = [node(1, 300), node(2, 300), node(3, 2), node(4, 0)];
		const { nodes: kept, shed } = shedXattrs(nodes);
		expect(kept.map(({ xattrs }) => xattrs.length)).toEqual([300, 0, 2, 0]);
		expect(shed).toBe(1);
		expect(encodeTree(kept).length).toBeLessThan(33 * 1024 * 1024);
	});

	test("holds no more attributes than a tree may have, however short", () => {
		const nodes = Array.from({ length: 1100 }, (_, i) => ({
			...node(i, 0),
			xattrs: tiny,
		}));
		const { nodes: kept, shed } = shedXattrs(nodes);
		expect(shed).toBeGreaterThan(50);
		const count = kept.reduce((sum, { xattrs }) => sum + xattrs.length, 0);
		expect(count).toBeLessThanOrEqual(1_048_576);
		expect(count).toBeGreaterThan(1_000_000);
	});
});
