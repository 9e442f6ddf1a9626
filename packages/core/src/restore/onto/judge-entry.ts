import {
	decodeName,
	type Node,
	NodeKind,
	type Root,
	type SnapshotRecord,
	VarveError,
} from "@varve/format";
import { codeOf } from "../../system.ts";
import type { Selection } from "../selection.ts";
import { sayingOf } from "../target-tree.ts";
import {
	type ComparerOptions,
	type Comparison,
	compareEntry,
} from "./compare-entry.ts";
import { besideNames, decide, type Policy } from "./decide.ts";
import type { ScopeRules } from "./deletion-scope.ts";
import { readFlags } from "./differing-parts.ts";
import type { Change, Item, Obstacle, Pause, Spot, Wanted } from "./items.ts";
import type { LinkGroups } from "./link-groups.ts";
import { type Live, lookFor } from "./live-directory.ts";
import type { Removal, RemovalSurvey } from "./removal.ts";

export interface JudgeOptions {
	readonly record: Pick<SnapshotRecord, "roots">;
	readonly selection: Selection;
	readonly policy: Policy;
	readonly links: LinkGroups;
	readonly comparer: ComparerOptions;
	readonly removal: RemovalSurvey;
	/** The rules of scope that hold in a directory (absolute in the snapshot). */
	readonly scopeIn: (root: number, path: string) => ScopeRules;
	/** Marks the name of a version that comes beside what is there. */
	readonly tag: string;
}

/** What is known of an entry beside what lstat says. */
export interface Known {
	/** The scan state says that it was not touched since. */
	readonly isVouched: boolean;
	/** It is one file with a name that it should not be one with. */
	readonly isForeign: boolean;
}

const nothingKnown: Known = { isVouched: false, isForeign: false };
const itself: Pick<Removal, "isWhole" | "entries"> = {
	isWhole: true,
	entries: 1,
};
const made: readonly string[] = ["create", "update", "replace", "metadata"];

/** Says of single entries what is to be done about them. */
export class EntryJudge {
	readonly #options: JudgeOptions;
	/** Names of files with several names that are as they should be. */
	readonly #joined: Item[] = [];
	/** Entries that are as they should be. */
	unchanged = 0;

	constructor(options: JudgeOptions) {
		this.#options = options;
	}

	create(spot: Spot, wanted: Wanted): Item {
		return this.#noted({
			...blankItem,
			...spot,
			path: wanted.path || "/",
			action: "create",
			wanted,
		});
	}

	/** undefined if it is as it should be. */
	*judge(
		spot: Spot,
		wanted: Wanted,
		live: Live,
		known = nothingKnown,
	): Generator<Pause, Item | Obstacle | undefined> {
		let comparison: Comparison = { changes: [], parts: undefined };
		try {
			if (!known.isVouched)
				comparison = yield* this.#compared(spot, wanted, live);
		} catch (error) {
			return { ...obstacleOf(wanted.path, error), spot };
		}
		const { parts } = comparison;
		const changes: readonly Change[] = known.isForeign
			? [...comparison.changes, "links"]
			: comparison.changes;
		const item = this.#noted(
			this.#decided(spot, wanted, { live, changes, parts }),
		);
		if (item.action !== "unchanged") return item;
		this.unchanged++;
		const { links } = this.#options;
		if (links.has(wanted.root, this.inRoot(wanted))) this.#joined.push(item);
		return undefined;
	}

	/** What turned out only when everything was seen: names that must be made anew for others of the same file. */
	*finish(): Generator<Item> {
		const { links } = this.#options;
		for (const item of this.#joined) {
			const wanted = item.wanted as Wanted;
			if (!links.mustJoin(wanted.root, this.inRoot(wanted))) continue;
			this.unchanged--;
			yield { ...item, action: "metadata", changes: ["links"] };
		}
	}

	/** A path below its root. */
	inRoot({ root, path }: Pick<Wanted, "root" | "path">): string {
		const { path: source } = this.#options.record.roots[root] as Root;
		return path.slice(source === "/" ? 1 : source.length + 1);
	}

	#compared({ top, suffix }: Spot, { node }: Wanted, live: Live) {
		const path = top.tree.path(suffix);
		const opening = {
			path: typeof path === "string" ? path : decodeName(path as never),
			open: () => top.tree.open(suffix, readFlags),
			shut: (descriptor: number) => top.tree.shut(descriptor),
		};
		return compareEntry(node, live, opening, this.#options.comparer);
	}

	#decided(
		spot: Spot,
		wanted: Wanted,
		found: Pick<Item, "changes" | "parts"> & { readonly live: Live },
	): Item {
		const { policy } = this.#options;
		const { live, changes } = found;
		const { node } = wanted;
		const own = changes.filter((change) => change !== "links");
		const replaces = own.includes("type") && live.stat.isDirectory();
		const removal = replaces ? this.#removalOf(spot, wanted, live) : itself;
		const difference = {
			changes: own,
			wantedTime: timeOf(node),
			liveTime: live.stat.mtimeNs,
			isFilled: !removal.isWhole || removal.entries > 1,
			isDirectory: node.kind === NodeKind.directory,
			isLinkedRoot: this.#isLinkedRoot(spot, wanted, live),
		};
		const { action, conflict } = decide(difference, policy);
		const item: Item = {
			...blankItem,
			...spot,
			...found,
			wanted,
			path: wanted.path || "/",
			action,
			conflict,
		};
		if (action === "unchanged" && changes.length > 0)
			return {
				...item,
				action: policy.overwrite === "never" ? "keep" : "metadata",
			};
		if (action === "keep-both") return { ...item, beside: this.besideOf(spot) };
		if (action !== "replace" && action !== "conflict") return item;
		if (!removal.isWhole)
			return { ...item, action: "conflict", isBarred: true };
		return replaces ? { ...item, removes: removal.entries } : item;
	}

	/** A root was reached by a path without links. */
	#isLinkedRoot(
		{ top, suffix }: Spot,
		{ root, path, node }: Wanted,
		{ stat }: Live,
	): boolean {
		return (
			stat.isSymbolicLink() &&
			node.kind === NodeKind.directory &&
			path === this.#options.record.roots[root]?.path &&
			path === top.display(suffix)
		);
	}

	/** What would go with a directory that gives way to something else. */
	#removalOf(spot: Spot, { root, path }: Wanted, { stat }: Live): Removal {
		const { removal, scopeIn, selection } = this.#options;
		const at = path.lastIndexOf("/");
		const parent = path.slice(0, at);
		return removal.judge({
			...spot,
			path,
			name: path.slice(at + 1),
			stat,
			scope: scopeIn(root, parent),
			selection: selection.at(parent),
		});
	}

	/** A suffix that nothing has yet, for the snapshot's version of an entry that stays. */
	besideOf({ top, suffix }: Spot): string {
		for (const beside of besideNames(suffix, this.#options.tag))
			if (lookFor(top, beside) === undefined) return beside;
		throw new Error("there is always another name");
	}

	#noted(item: Item): Item {
		const { action, live } = item;
		const { links } = this.#options;
		const wanted = item.wanted as Wanted;
		const { root, node } = wanted;
		const path = this.inRoot(wanted);
		if (action === "unchanged" && live !== undefined)
			links.right(root, path, `${live.stat.dev}:${live.stat.ino}`);
		else if (!made.includes(action)) return item;
		else if (node.kind !== NodeKind.directory) links.broken(root, path);
		else if (action !== "metadata") links.brokenBelow(root, path);
		return item;
	}
}

/** To be spread into items. */
export const blankItem = {
	type: "item",
	action: "delete",
	conflict: undefined,
	changes: [],
	wanted: undefined,
	live: undefined,
	parts: undefined,
	isBarred: false,
	removes: 0,
	pieces: undefined,
	beside: undefined,
} as const;

const second = 1_000_000_000n;

export function timeOf({
	mtime,
	mtimeNs,
}: Pick<Node, "mtime" | "mtimeNs">): bigint {
	return BigInt(mtime) * second + BigInt(mtimeNs);
}

/** What keeps an entry from being looked at: damage, or the system. Throws what is neither. */
export function obstacleOf(path: string, error: unknown): Obstacle {
	const entry = { type: "obstacle", path: path || "/" } as const;
	if (error instanceof VarveError) {
		const { code: reason, message } = error;
		return { ...entry, kind: "damaged", reason, message };
	}
	const reason = codeOf(error);
	if (reason === undefined) throw error;
	return {
		...entry,
		kind: "unwritten",
		reason,
		message: sayingOf(error as Error),
	};
}
