import { dirname } from "node:path";
import type { Node, SnapshotRecord } from "@varve/format";
import { lookUpNumbers, sameAccounts } from "../../accounts.ts";
import { XattrReader } from "../../native/xattr-reader.ts";
import { prepareToRead } from "../../prepare-to-read.ts";
import type { Repository, Snapshot } from "../../repository.ts";
import { directoryReader } from "../../snapshot/native-reader.ts";
import { copiesOf } from "../../snapshot/open-previous.ts";
import { PreviousScan } from "../../snapshot/previous.ts";
import { createSourceFs } from "../../snapshot/source-fs.ts";
import { locate } from "../locate.ts";
import { Owners } from "../owners.ts";
import {
	identityOf,
	repositoryOf,
	requireNoRepository,
} from "../repository-marks.ts";
import { createSelection, type Selection } from "../selection.ts";
import { ownerRulesOf } from "../target.ts";
import type { TargetCalls } from "../target-calls.ts";
import type { OwnerRules } from "../tasks.ts";
import { unreadNotes } from "../unread-notes.ts";
import type { Policy } from "./decide.ts";
import { DeletionScope } from "./deletion-scope.ts";
import { PartComparer } from "./differing-parts.ts";
import { type HomeSpot, possibleHomes } from "./homes.ts";
import type { Spot } from "./items.ts";
import { EntryJudge } from "./judge-entry.ts";
import { attainableXattrs, ownXattrs } from "./keep-attributes.ts";
import { LinkGroups } from "./link-groups.ts";
import type { OntoOptions } from "./options.ts";
import { RemovalSurvey } from "./removal.ts";
import { scopeIn } from "./scope-chain.ts";
import { Survey } from "./survey.ts";
import { type Placed, placeAll, Top } from "./tops.ts";

/** All that a restore onto what is there goes by, found out without changing anything. */
export interface Prepared {
	readonly selection: Selection;
	readonly tops: readonly Top[];
	readonly placed: readonly Placed[];
	/** What is restored, as it was asked for. */
	readonly restored: readonly Spot[];
	/** Where a journal may be. */
	readonly homes: readonly HomeSpot[];
	readonly survey: Survey;
	readonly judge: EntryJudge;
	readonly links: LinkGroups;
	readonly rules: OwnerRules;
	readonly xattrsOf: XattrsOf | undefined;
	/** What of the snapshot is not whole. */
	readonly notes: readonly string[];
	/** The caller calls it once. */
	close(): void;
}

/** undefined where not all of them can be read. */
type XattrsOf = (path: string) => Node["xattrs"] | undefined;

export async function prepareOnto(
	repository: Repository,
	options: OntoOptions,
	calls: TargetCalls,
): Promise<Prepared> {
	const { snapshot, subpath, target, include, exclude } = options;
	const { record } = snapshot;
	const { objects, tools } = repository;
	const selection = createSelection({
		include: include ?? [],
		exclude: exclude ?? [],
	});
	await prepareToRead(repository, [snapshot.id]);
	const location = locate(objects, record, subpath);
	const { openAt } = calls;
	const { tops: targets, placed } = placeAll(location, {
		target,
		record,
		openAt,
	});
	const own = repositoryOf(repository);
	try {
		requireNoRepository(pathsOf(placed), own);
	} catch (error) {
		for (const top of targets) top.close();
		throw error;
	}
	const accounts =
		options.numericIds === true ? sameAccounts : await lookUpNumbers(record);
	const rules = {
		...ownerRulesOf(targets[0]?.display("") ?? "/", accounts),
		// Some of the directories may hand on their group.
		inheritsGroup: true,
	};
	const fs = createSourceFs();
	const scope = new DeletionScope({
		record,
		objects,
		fs,
		own: ownDirectories(repository),
	});
	const reader = directoryReader();
	const removal = new RemovalSurvey(scope, reader);
	const links = LinkGroups.read(objects, record);
	const contents = new PartComparer(objects, tools);
	const policy = policyOf(options);
	const whereIs = (path: string) =>
		target !== undefined && path.startsWith(location.prefix)
			? target + path.slice(location.prefix.length)
			: path;
	const scopeOf = (root: number, path: string) => {
		const source = record.roots[root] as SnapshotRecord["roots"][number];
		return scopeIn(source, path, { scope, objects, fs, whereIs });
	};
	const xattrsOf = xattrReader(new Owners(rules));
	const judge = new EntryJudge({
		...{ record, selection, policy, links, removal, scopeIn: scopeOf },
		comparer: {
			contents,
			attainable: attainableBy(new Owners(rules)),
			xattrsOf,
			trustsTimes: policy.overwrite === "if-changed",
		},
		tag: `varve-${snapshot.id.slice(0, 8)}`,
	});
	const survey = new Survey({
		...{ objects, record, selection, reader, links, scope, removal, judge },
		repository: own,
		deletes: policy.delete,
		scan: target === undefined ? scanOf(repository, snapshot) : undefined,
		scopeIn: scopeOf,
	});
	const restored =
		target === undefined
			? placed.map(({ top, suffix }) => ({ top, suffix }))
			: targets.map((top) => ({ top, suffix: "" }));
	const tops = [...targets];
	const topAt = (path: string) => {
		const known = tops.find((top) => top.path === path);
		if (known !== undefined) return known;
		const top = new Top(path, openAt);
		tops.push(top);
		return top;
	};
	return {
		...{ selection, tops, placed, survey, judge, links, rules, restored },
		homes: possibleHomes(restored, { restored, topAt }),
		xattrsOf,
		notes: unreadNotes(record, { location, selection }),
		close: () => {
			for (const top of tops) top.close();
		},
	};
}

function policyOf(options: OntoOptions): Policy {
	const { snapshot, overwrite, onConflict } = options;
	return {
		overwrite: overwrite ?? "always",
		onConflict,
		delete: options.delete ?? false,
		taken: BigInt(Date.parse(snapshot.record.time)) * 1_000_000n,
	};
}

/** Where things are restored: what is no directory by itself lies in one. */
function pathsOf(placed: readonly Placed[]): readonly string[] {
	return placed.map(({ located, top, suffix }) => {
		const path = top.display(suffix);
		return located.type === "entry" ? dirname(path) : path;
	});
}

/** The repository and this client's cache, wherever they lie. */
function ownDirectories({ backend, cache }: Repository): ReadonlySet<string> {
	const { folder } = cache;
	const paths = [
		backend.descriptor?.path,
		folder,
		folder === undefined ? undefined : dirname(folder),
	];
	const own = new Set<string>();
	for (const path of paths) {
		if (path === undefined) continue;
		const id = identityOf(path);
		if (id !== undefined) own.add(id);
	}
	return own;
}

/** As this process can give it back: what it cannot is no difference. */
function attainableBy(owners: Owners): (node: Node) => Node {
	return (node) => {
		owners.judge(node.mode, node.uid, node.gid);
		const { mode, uid, gid } = owners;
		return {
			...node,
			mode,
			uid,
			gid,
			xattrs: attainableXattrs(node.xattrs, owners),
		};
	};
}

function xattrReader(owners: Owners): XattrsOf | undefined {
	const reader = new XattrReader();
	if (!reader.available) return undefined;
	return (path) => {
		const { xattrs, partial } = reader.ofPath(path);
		if (partial) return undefined;
		return ownXattrs(xattrs, owners);
	};
}

function scanOf(
	{ objects, identity }: Repository,
	{ record }: Snapshot,
): PreviousScan | undefined {
	// What another machine's file system said of its files proves nothing here.
	if (record.scan === undefined || record.host !== identity.host)
		return undefined;
	return new PreviousScan(copiesOf(objects.pieces(record.scan)));
}
