import { lstatSync, readdirSync, readlinkSync } from "node:fs";
import { join } from "node:path";
import {
	blankNode,
	type ChunkId,
	encodeLinks,
	encodeList,
	ItemKind,
	type Node,
	NodeKind,
	type Root,
	utf8,
} from "@varve/format";
import { makeTree } from "@varve/testkit";
import { describe, expect, test } from "vitest";
import { restore } from "../../packages/core/src/restore/restore.ts";
import { Craft } from "./crafted-snapshot.ts";
import { readingPlace } from "./reading-workplace.ts";
import { describeTree } from "./restore-tree.ts";

const place = readingPlace("restore-crafted");

/** Unlike Node's own walk, it follows no links. */
const pathsBelow = (folder: string) =>
	Object.keys(describeTree(folder)).map((path) => path.slice(1));

const file = (name: string): Node => ({
	...blankNode(utf8(name), NodeKind.file),
	mode: 0o644,
});
const symlink = (name: string, target: string): Node => ({
	...blankNode(utf8(name), NodeKind.symlink),
	target: utf8(target),
});

/** Restores crafted roots beside a directory that nothing may happen to. */
async function restored(
	craft: Craft,
	roots: (outside: string) => (Pick<Root, "path" | "tree"> & Partial<Root>)[],
	links?: readonly { root: number; path: Uint8Array }[][],
) {
	const parent = place.fresh("parent");
	const [target, outside] = [join(parent, "target"), join(parent, "outside")];
	makeTree(outside, { secret: "theirs", sub: { more: "theirs" } });
	const before = describeTree(outside);
	const table = links && craft.put(encodeLinks(links));
	const list =
		table &&
		craft.put(
			encodeList({
				kinds: [ItemKind.chunk],
				lengths: [encodeLinks(links).length],
				ids: Uint8Array.from(Buffer.from(table, "hex")),
			}),
		);
	const { repository, snapshot } = await craft.snapshot(place, roots(outside));
	const record = { ...snapshot.record, links: list as ChunkId | undefined };
	const report = await restore(repository, {
		snapshot: { ...snapshot, record },
		target,
	});
	expect(describeTree(outside)).toEqual(before);
	expect(readdirSync(parent).sort()).toEqual(["outside", "target"]);
	const problems = report.problems.map((p) => `${p.path} ${p.reason}`);
	return { report, target, problems };
}

describe("T80 restore of crafted roots that lie in each other", () => {
	const lowerRoot = (craft: Craft) => ({
		path: "/r/x",
		tree: craft.tree(file("sub"), symlink("z", "/")),
	});

	test.each([
		["a symlink", (outside: string) => symlink("x", outside)],
		["a symlink upwards", () => symlink("x", "..")],
		["a FIFO", () => blankNode(utf8("x"), NodeKind.fifo)],
	])("makes nothing below what another root says is %s", async (_, node) => {
		const craft = new Craft();
		const { problems, target } = await restored(craft, (outside) => [
			{ path: "/r", tree: craft.tree(node(outside)) },
			lowerRoot(craft),
		]);
		expect(problems).toEqual([
			"/r/x EEXIST",
			"/r/x/sub ENOTDIR",
			"/r/x/z ENOTDIR",
		]);
		expect(pathsBelow(target)).toEqual(["", "r", "r/x"]);
	});

	test("makes no file where another root has a directory", async () => {
		const craft = new Craft();
		const { problems, target } = await restored(craft, () => [
			{ path: "/r", tree: craft.tree(file("x")) },
			lowerRoot(craft),
		]);
		expect(problems).toEqual(["/r/x EEXIST"]);
		expect(pathsBelow(target)).toEqual(["", "r", "r/x", "r/x/sub", "r/x/z"]);
	});
});

describe("T80 restore of a crafted table of hard links", () => {
	const at = (path: string) => ({ root: 0, path: utf8(path) });

	test("gives no name to what a symlink leads to", async () => {
		const craft = new Craft();
		const { target, problems } = await restored(
			craft,
			(outside) => [
				{
					path: "/r",
					tree: craft.tree(
						symlink("a", join(outside, "secret")),
						symlink("b", join(outside, "secret")),
						file("c"),
					),
				},
			],
			[[at("a"), at("b"), at("c")]],
		);
		expect(problems).toEqual([]);
		const [a, b, c] = ["a", "b", "c"].map((name) =>
			lstatSync(join(target, "r", name)),
		);
		expect(a?.isSymbolicLink()).toBe(true);
		expect([a?.nlink, a?.ino]).toEqual([2, b?.ino]);
		expect([c?.isFile(), c?.nlink]).toEqual([true, 1]);
	});

	test("that names what is not there harms nothing", async () => {
		const craft = new Craft();
		const tree = craft.tree(file("a"), file("b"));
		const { target, report } = await restored(
			craft,
			() => [{ path: "/r", tree }],
			[
				[at("a"), at("gone")],
				[at("b"), at("nowhere/at/all")],
			],
		);
		expect(pathsBelow(target)).toEqual(["", "r", "r/a", "r/b"]);
		expect(report.problems).toEqual([]);
	});
});

describe("T80 restore of names that the target cannot have", () => {
	test("reports them, and restores all others", async () => {
		const craft = new Craft();
		const long = "n".repeat(300);
		const deep = { ...blankNode(utf8(`${long}d`), NodeKind.directory) };
		const tree = craft.tree(
			file("a"),
			file(long),
			{ ...deep, mode: 0o755, tree: craft.tree(file("below")) },
			symlink(`${long}s`, "x"),
			symlink("t", "y".repeat(5000)),
		);
		const { target, problems } = await restored(craft, () => [
			{ path: "/r", tree },
		]);
		expect(pathsBelow(target)).toEqual(["", "r", "r/a"]);
		expect(
			problems.map((text) => text.replaceAll(/n{300}/g, "N")).sort(),
		).toEqual([
			"/r/N ENAMETOOLONG",
			"/r/Nd ENAMETOOLONG",
			"/r/Nd/below ENOTDIR",
			"/r/Ns ENAMETOOLONG",
			"/r/t ENAMETOOLONG",
		]);
	});

	test("makes symlinks that lead anywhere, and follows none", async () => {
		const craft = new Craft();
		const targets = ["/", "..", "../../../../etc/passwd", "\u001b[31m", "a/"];
		const tree = craft.tree(...targets.map((to, i) => symlink(`l${i}`, to)));
		const { target } = await restored(craft, () => [{ path: "/r", tree }]);
		expect(
			targets.map((_, i) => readlinkSync(join(target, "r", `l${i}`))),
		).toEqual(targets);
	});
});
