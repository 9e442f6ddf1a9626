import { lstatSync, mkdirSync, statSync, symlinkSync } from "node:fs";
import { join } from "node:path";
import { blankNode, type Node, NodeKind, utf8 } from "@varve/format";
import { describe, expect, test } from "vitest";
import { sameAccounts } from "../../packages/core/src/accounts.ts";
import { HardLinks } from "../../packages/core/src/restore/links.ts";
import { Owners } from "../../packages/core/src/restore/owners.ts";
import { RestoreLog } from "../../packages/core/src/restore/report.ts";
import {
	loadTargetCalls,
	type TargetCalls,
} from "../../packages/core/src/restore/target-calls.ts";
import { TargetTree } from "../../packages/core/src/restore/target-tree.ts";
import { TreeMaker } from "../../packages/core/src/restore/tree-maker.ts";
import { readingPlace } from "./reading-workplace.ts";

const place = readingPlace("tree-maker");

function maker(calls: TargetCalls) {
	const path = place.fresh("target");
	mkdirSync(path);
	const observer = { on: () => {}, detail: false };
	const log = new RestoreLog("", observer);
	const owners = new Owners({
		uid: process.geteuid?.() ?? 0,
		gid: process.getegid?.() ?? 0,
		groups: [],
		inheritsGroup: false,
		accounts: sameAccounts,
	});
	const tree = new TargetTree({ path, descriptor: -1 });
	const made = new TreeMaker({ tree, owners, calls, log, isNew: true });
	const reasons = () => log.problems.map((p) => `${p.path} ${p.reason}`);
	return { path, log, maker: made, reasons };
}

const node = (kind: NodeKind, mode = 0o600): Node => ({
	...blankNode(utf8("x"), kind),
	mode,
	uid: process.geteuid?.() ?? 0,
	gid: process.getegid?.() ?? 0,
});
const withoutKoffi = loadTargetCalls(() => undefined);

describe("where the system's own calls cannot be had", () => {
	test("T82 what can then not be made is reported, with its further names", () => {
		const { maker: made, reasons, log } = maker(withoutKoffi);
		made.special("/fifo", node(NodeKind.fifo));
		const links = new HardLinks();
		links.pending.push({
			suffix: "/fifo2",
			leader: "/fifo",
			kind: NodeKind.fifo,
		});
		made.links(links);
		expect(reasons()).toEqual(["/fifo ENOSYS", "/fifo2 ENOSYS"]);
		expect(log.hardLinks).toBe(0);
	});

	test("symlinks, directories and hard links are made all the same", () => {
		const { path, maker: made, reasons } = maker(withoutKoffi);
		made.directory("/d", node(NodeKind.directory, 0o2750));
		made.symlink("/d/l", {
			...node(NodeKind.symlink),
			target: utf8("nowhere"),
		});
		const links = new HardLinks();
		const kind = NodeKind.symlink;
		links.pending.push({ suffix: "/d/m", leader: "/d/l", kind });
		made.links(links);
		made.finish();
		expect(reasons()).toEqual([]);
		expect(statSync(join(path, "d")).mode & 0o7777).toBe(0o2750);
		expect(lstatSync(join(path, "d/m")).nlink).toBe(2);
	});
});

describe("directories above what is restored", () => {
	test("T81 are closed until all is in them, and open to all then", () => {
		const { path, maker: made } = maker(loadTargetCalls());
		made.prepareAbove("/a/b/c");
		const modes = () =>
			["a", "a/b"].map((name) => statSync(join(path, name)).mode & 0o777);
		expect(modes()).toEqual([0o700, 0o700]);
		made.directory("/a/b", node(NodeKind.directory, 0o711));
		made.finish();
		expect(modes()).toEqual([0o755, 0o711]);
	});

	test("T81 include the target, if it is to be a directory of the snapshot", () => {
		const { path, maker: made } = maker(loadTargetCalls());
		made.directory("", node(NodeKind.directory, 0o751));
		expect(statSync(path).mode & 0o777).toBe(0o700);
		made.finish();
		expect(statSync(path).mode & 0o777).toBe(0o751);
	});

	test("T80 that are links are not entered", () => {
		const { path, maker: made, reasons } = maker(loadTargetCalls());
		symlinkSync(place.fresh("elsewhere"), join(path, "a"));
		made.prepareAbove("/a/b");
		expect(reasons()).toEqual(["/a EEXIST"]);
		expect(made.bars("/a/b/c")).toBe(true);
	});
});
