import { utf8 } from "@varve/format";
import type { TargetCalls } from "./target-calls.ts";
import { pathOf, type TargetRoot, type TargetTree } from "./target-tree.ts";

const defaultAcl = utf8("system.posix_acl_default");

type Calls = Pick<TargetCalls, "xattrs">;

/** True if the directory an entry was made in has handed an ACL on to it. */
export function inheritsAcl(
	tree: TargetTree,
	suffix: string,
	{ xattrs }: Calls,
): boolean {
	if (tree.root.mayHandOnAcls !== true || xattrs === undefined) return false;
	const directory = tree.above(suffix);
	directory.handsOnAcl ??= xattrs.has(
		{ path: directory.self, followsLink: true },
		defaultAcl,
	);
	return directory.handsOnAcl;
}

/** The root of a target that had nothing in it: no other directory can hand on an ACL. */
export function withAcls(root: TargetRoot, { xattrs }: Calls): TargetRoot {
	const path = pathOf(root);
	const mayHandOnAcls =
		xattrs?.has({ path, followsLink: true }, defaultAcl) ?? false;
	return { ...root, mayHandOnAcls };
}
