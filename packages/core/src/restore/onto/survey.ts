import {
	compareNames,
	decodeName,
	type Node,
	NodeKind,
	type Root,
	type SnapshotRecord,
	type TreeId,
	VarveError,
} from "@varve/format";
import { isJournalName } from "../../journal-folder.ts";
import { nodeOf } from "../../query/placed-nodes.ts";
import type { ObjectReader } from "../../repository.ts";
import {
	type DirectoryListing,
	type OddEntry,
	readListing,
} from "../../snapshot/directory-listing.ts";
import type { DirectoryReader } from "../../snapshot/directory-reader.ts";
import { PriorRows } from "../../snapshot/judge.ts";
import type { PreviousScan } from "../../snapshot/previous.ts";
import { inodeOf } from "../../snapshot/stat-columns.ts";
import { codeOf } from "../../system.ts";
import { readPages } from "../../tree-pages.ts";
import { identityOf, looksLikeRepository } from "../repository-marks.ts";
import type { Selection, SelectionRules } from "../selection.ts";
import type { DeletionScope, ScopeRules } from "./deletion-scope.ts";
import type { Item, Obstacle, Pause, Spot, Wanted } from "./items.ts";
import { blankItem, type EntryJudge, obstacleOf } from "./judge-entry.ts";
import type { LinkGroups } from "./link-groups.ts";
import { lookFor } from "./live-directory.ts";
import { entriesOf } from "./made-entries.ts";
import { mountOf } from "./mounts.ts";
import { type RemovalSurvey, scopedDirectory } from "./removal.ts";
import type { Placed } from "./tops.ts";

export interface SurveyOptions {
	readonly objects: Pick<ObjectReader, "read">;
	readonly record: Pick<SnapshotRecord, "roots">;
	readonly selection: Selection;
	/** The repository being read, as `dev:ino`. */
	readonly repository: ReadonlySet<string>;
	readonly deletes: boolean;
	readonly reader: DirectoryReader;
	/** Of the entries that were not touched since: undefined to vouch for nothing. */
	readonly scan: PreviousScan | undefined;
	readonly links: LinkGroups;
	readonly scope: DeletionScope;
	readonly removal: RemovalSurvey;
	readonly judge: EntryJudge;
	/** The rules of scope that hold in a directory (absolute in the snapshot). */
	readonly scopeIn: (root: number, path: string) => ScopeRules;
}

type Step = Item | Obstacle | Pause | undefined;

/** A directory that is in the snapshot and in the target. */
interface Level extends Spot, Wanted {
	readonly nodes: Iterator<Node | VarveError>;
	readonly listing: DirectoryListing;
	/** Indices of its entries that are directories, and those of which more is known. */
	readonly directories: ReadonlySet<number>;
	readonly odd: ReadonlyMap<number, OddEntry>;
	readonly prior: PriorRows | undefined;
	readonly rules: SelectionRules;
	/** By which extra entries are judged; undefined where none may be deleted. */
	readonly scope: ScopeRules | undefined;
	/** Index of the next entry of the listing. */
	next: number;
	/** The next node that is not passed yet. */
	ahead: Node | undefined;
}

/** A name on one side or both. */
interface NamePair {
	readonly node: Node | undefined;
	/** In the listing. */
	readonly index: number | undefined;
}

/** After all that anyone will see. */
const never = 2n ** 62n;

/** Compares what is to be restored with what is there: reads, and changes nothing. */
export class Survey {
	readonly #options: SurveyOptions;

	constructor(options: SurveyOptions) {
		this.#options = options;
	}

	/** undefined comes for each entry that is as it should be. To be called in the order of the roots, the directory itself being there. */
	*compare({ located, top, suffix }: Placed): Generator<Step> {
		const { selection } = this.#options;
		const { root, path } = located;
		const wanted = { root, path, node: nodeOf(located).node };
		const spot = { top, suffix };
		if (located.type === "entry") {
			const rules = selection.at(path.slice(0, path.lastIndexOf("/")));
			const name = decodeName(located.node.name);
			if (rules.choose(name, false, 0) === "yes")
				yield yield* this.#single(spot, wanted, undefined);
			return;
		}
		const rules = selection.at(path);
		const live = lookFor(top, suffix);
		if (live === undefined) return;
		const isItself = rules.includesAll && !this.#isOfNames(root, path);
		const givesWay =
			!live.stat.isDirectory() && (isItself || this.#makesAnything(wanted));
		if (isItself || givesWay)
			yield yield* this.#options.judge.judge(spot, wanted, live);
		if (!live.stat.isDirectory()) return;
		const scope = this.#options.deletes
			? this.#options.scopeIn(root, path)
			: undefined;
		yield* this.#walk(spot, wanted, { rules, scope });
	}

	*#walk(spot: Spot, wanted: Wanted, entrance: Entrance): Generator<Step> {
		const open: Level[] = [];
		const first = this.#enter(spot, wanted, entrance);
		if ("type" in first) yield first;
		else open.push(first);
		for (let level = open.at(-1); level !== undefined; level = open.at(-1)) {
			const pair = this.#next(level);
			if (pair === undefined) {
				open.pop();
				yield* failedIn(level);
			} else if (pair instanceof VarveError) {
				yield obstacleOf(level.path, pair);
			} else if (pair.node === undefined) {
				yield* this.#extra(level, pair.index as number);
			} else {
				const below = yield* this.#both(level, pair.node, pair.index);
				if (below === undefined) continue;
				if ("type" in below) yield below;
				else open.push(below);
			}
		}
	}

	/** The next name that is on either side, or damage; undefined at the end. */
	#next(level: Level): NamePair | VarveError | undefined {
		if (level.ahead === undefined) {
			const { value, done } = level.nodes.next();
			if (done !== true && value instanceof VarveError) return value;
			if (done !== true) level.ahead = value as Node;
		}
		const { ahead, next } = level;
		const live = level.listing.names[next];
		if (ahead === undefined && live === undefined) return undefined;
		const order =
			ahead === undefined
				? 1
				: live === undefined
					? -1
					: compareNames(decodeName(ahead.name), live);
		if (order <= 0) level.ahead = undefined;
		if (order >= 0) level.next++;
		return {
			node: order <= 0 ? ahead : undefined,
			index: order >= 0 ? next : undefined,
		};
	}

	/** An entry of the snapshot; returns the level of a directory that is on both sides. */
	*#both(
		level: Level,
		node: Node,
		index: number | undefined,
	): Generator<Step, Level | Obstacle | undefined> {
		const { judge } = this.#options;
		const { rules, root, top, listing, scope } = level;
		const name = decodeName(node.name);
		const isDirectory = node.kind === NodeKind.directory;
		const choice = rules.all ? "yes" : rules.choose(name, isDirectory, 0);
		if (choice === "no") return undefined;
		const spot = { top, suffix: `${level.suffix}/${name}` };
		const wanted = { root, path: `${level.path}/${name}`, node };
		if (index === undefined) {
			// What could not be looked at is told at the end of its directory.
			if (!hasFailed(listing, name)) yield judge.create(spot, wanted);
			return undefined;
		}
		const known = {
			isVouched: level.prior?.judge(name, listing.stats, index) === "unchanged",
			file: fileOf(level, index),
		};
		if (!isDirectory || !level.directories.has(index)) {
			if (choice === "below" && !this.#makesAnything(wanted)) return undefined;
			yield yield* this.#single(spot, wanted, known);
			return undefined;
		}
		const below = rules.all ? rules : rules.enter(name, choice);
		const entered = this.#enter(spot, wanted, { rules: below, scope });
		const isLeft = "type" in entered && entered.reason === inRepository;
		if (choice === "yes" && !isLeft)
			yield yield* this.#attributes(spot, wanted, known.isVouched);
		return entered;
	}

	/** False for a directory in which nothing is asked for. */
	#makesAnything(wanted: Wanted): boolean {
		return entriesOf(wanted, this.#options).next().done !== true;
	}

	/** The attributes of a directory on both sides. */
	*#attributes(
		spot: Spot,
		wanted: Wanted,
		isVouched: boolean,
	): Generator<Pause, Step> {
		const { judge } = this.#options;
		const live = isVouched ? undefined : lookFor(spot.top, spot.suffix);
		if (live !== undefined) return yield* judge.judge(spot, wanted, live);
		judge.unchanged++;
		return undefined;
	}

	/** Something that is no directory on one side at least. */
	*#single(
		spot: Spot,
		wanted: Wanted,
		known:
			| { readonly isVouched: boolean; readonly file: string | undefined }
			| undefined,
	): Generator<Pause, Step> {
		const { links, judge } = this.#options;
		const path = judge.inRoot(wanted);
		const isForeign =
			known?.file !== undefined &&
			links.isForeign(wanted.root, path, known.file);
		const isVouched = known?.isVouched === true;
		if (isVouched && !isForeign && !links.has(wanted.root, path)) {
			judge.unchanged++;
			return undefined;
		}
		const live = lookFor(spot.top, spot.suffix);
		return live === undefined
			? judge.create(spot, wanted)
			: yield* judge.judge(spot, wanted, live, { isVouched, isForeign });
	}

	/** Something that the snapshot has not. */
	*#extra(level: Level, index: number): Generator<Step> {
		const { listing, top, scope, rules: selection } = level;
		const name = listing.names[index] as string;
		if (scope === undefined || isJournalName(name)) return;
		const suffix = `${level.suffix}/${name}`;
		const live = lookFor(top, suffix);
		if (live === undefined) return;
		const { stat } = live;
		const path = `${level.path}/${name}`;
		const candidate = { top, suffix, name, path, stat, scope, selection };
		for (const gone of this.#options.removal.judge(candidate).spots) {
			const there = lookFor(top, gone.suffix);
			const { suffix: at, path: where, entries: removes } = gone;
			const spot = { top, suffix: at, path: where };
			if (there !== undefined)
				yield { ...blankItem, ...spot, live: there, removes };
		}
	}

	#enter(
		spot: Spot,
		wanted: Wanted,
		{ rules, scope: above }: Entrance,
	): Level | Obstacle {
		const { objects, reader, scan, judge } = this.#options;
		const { root, path, node } = wanted;
		const prior = scan && new PriorRows(scan.take(root, judge.inRoot(wanted)));
		let listing: DirectoryListing;
		try {
			listing = readListing(reader, {
				path: `${spot.top.tree.directory(spot.suffix).self}/`,
				only: undefined,
				racyFrom: never,
			});
		} catch (error) {
			if (codeOf(error) === undefined) throw error;
			return { ...obstacleOf(path, error), spot };
		}
		if (this.#isRepository(spot, listing)) return repositoryAt(path, spot);
		const level = {
			...spot,
			...wanted,
			listing,
			directories: new Set(listing.directories),
			odd: new Map(listing.odd.map((entry) => [entry.index, entry])),
			prior,
			rules,
			next: 0,
			ahead: undefined,
		};
		const nodes = nodesOf(objects, node.tree as TreeId);
		if (above === undefined) return { ...level, nodes, scope: undefined };
		const { scope, nodes: all } = this.#scopeOf(level, above, [...nodes]);
		return { ...level, nodes: all.values(), scope };
	}

	#isRepository({ top, suffix }: Spot, { names }: DirectoryListing): boolean {
		if (looksLikeRepository(names)) return true;
		const { self } = top.tree.directory(suffix);
		return this.#options.repository.has(identityOf(`${self}/.`) ?? "");
	}

	/** The rules of scope in a directory; undefined where nothing may be deleted. */
	#scopeOf(
		level: Spot & Wanted & { readonly listing: DirectoryListing },
		above: ScopeRules,
		nodes: readonly (Node | VarveError)[],
	) {
		const { scope } = this.#options;
		const { top, path, listing, root } = level;
		const isElsewhere =
			(listing.names.length > 0 && listing.device !== top.device) ||
			mountOf(top.tree.directory(level.suffix)) !== top.mount;
		const whole = nodes.filter(
			(node): node is Node => !(node instanceof VarveError),
		);
		// What a damaged page held cannot be told from what was never there.
		const isDamaged = whole.length < nodes.length;
		if (isElsewhere || isDamaged || scope.isUnread(path || "/"))
			return { scope: undefined, nodes };
		const { names } = listing;
		const directory = scopedDirectory(level, path, { names, nodes: whole });
		const entered = scope.enter(above, directory);
		return { scope: this.#isOfNames(root, path) ? undefined : entered, nodes };
	}

	/** A directory of which only some entries were asked for: neither itself nor the others are the snapshot's. */
	#isOfNames(root: number, path: string): boolean {
		const source = this.#options.record.roots[root] as Root;
		const own = source.path === "/" ? "" : source.path;
		return source.kind === "entries" && own === path;
	}
}

const inRepository = "IN_REPOSITORY";

function repositoryAt(path: string, spot: Spot): Obstacle {
	return {
		type: "obstacle",
		path: path || "/",
		kind: "unwritten",
		reason: inRepository,
		message:
			"a repository is there, or what looks like one: it is left as it is, with all in it",
		spot,
	};
}

interface Entrance {
	readonly rules: SelectionRules;
	/** Of the directory above. */
	readonly scope: ScopeRules | undefined;
}

function* nodesOf(
	objects: Pick<ObjectReader, "read">,
	tree: TreeId,
): Generator<Node | VarveError> {
	for (const { nodes } of readPages(objects, tree))
		if (nodes instanceof Error) yield nodes;
		else yield* nodes;
}

function hasFailed({ failed }: DirectoryListing, name: string): boolean {
	return failed.some(
		(entry) => entry.name === name && entry.reason !== "ENOENT",
	);
}

function* failedIn({ listing, path, top, suffix }: Level): Generator<Step> {
	for (const { name, reason } of listing.failed)
		if (reason !== "ENOENT")
			yield {
				type: "obstacle",
				path: `${path}/${name}`,
				kind: "unwritten",
				reason,
				message: "it cannot be looked at",
				spot: { top, suffix: `${suffix}/${name}` },
			};
}

/** Which file it is, of one with several names. */
function fileOf({ odd, listing }: Level, index: number): string | undefined {
	const entry = odd.get(index);
	if (entry?.linked !== true) return undefined;
	return `${entry.device}:${BigInt.asUintN(64, inodeOf(listing.stats, index))}`;
}
