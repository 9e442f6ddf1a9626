import {
	InputError,
	type Json,
	NotFoundError,
	type SnapshotRecord,
} from "@varve/format";
import { lostOriginals } from "../copies/lost-originals.ts";
import type { Clock } from "../ports.ts";
import type { Repository, Snapshot } from "../repository.ts";
import {
	listSnapshots,
	type SnapshotFilter,
	sortByTime,
} from "./list-snapshots.ts";
import { momentEnd } from "./moment.ts";
import { parseSelector, type Selection, type Selector } from "./selector.ts";

/** A snapshot, and what of it is meant. */
export interface Selected {
	readonly snapshot: Snapshot;
	/** As written behind the colon; undefined for all of it. */
	readonly path: string | undefined;
	/** Another one may have been meant: it was not named by its id, and the record of some snapshot is lost. */
	readonly isDoubtful: boolean;
}

/**
 * The snapshot that a user names. InputError "BAD_SELECTOR" for what names none, "AMBIGUOUS" for what could be several;
 * NotFoundError "NO_SUCH_SNAPSHOT" if there is none.
 */
export async function selectSnapshot(
	repository: Repository,
	spec: string,
	filter: SnapshotFilter = {},
): Promise<Snapshot> {
	const { snapshot, path } = await selectPath(repository, spec, filter);
	if (path === undefined) return snapshot;
	throw new InputError(
		"BAD_SELECTOR",
		`${spec} names something in a snapshot; a whole snapshot is meant here`,
		{ selector: spec },
	);
}

/** The same for SNAP:path. */
export async function selectPath(
	repository: Repository,
	spec: string,
	filter: SnapshotFilter = {},
): Promise<Selected> {
	const selection = parseSelector(spec);
	const all = await listSnapshots(repository, { ...filter, forgotten: true });
	const among = filter.forgotten ? all : all.filter(isOffered(selection));
	const snapshot = choose(among, selection, repository.clock);
	if (snapshot !== undefined) {
		const isDoubtful = await mayMeanLost(repository, selection);
		return { snapshot, path: selection.path, isDoubtful };
	}
	const forgotten = choose(all, selection, repository.clock);
	throw notFound(selection, { isEmpty: among.length === 0, filter, forgotten });
}

/** A lost record may be the one that is meant, by its place among the others or by what it says. */
async function mayMeanLost(
	{ backend }: Repository,
	{ selector }: Selection,
): Promise<boolean> {
	if (selector.kind === "id") return false;
	return (await lostOriginals(backend, "snapshots")).length > 0;
}

/** A forgotten snapshot is meant only by its whole id: until a gc deletes it, it can be restored. */
function isOffered({ selector }: Selection): (one: Snapshot) => boolean {
	const whole = selector.kind === "id" ? selector.prefix : undefined;
	return ({ id, forgotten }) => !forgotten || id === whole;
}

/** Which of these (in any order) is meant; undefined for none. InputError "AMBIGUOUS" for several. */
export function choose(
	snapshots: readonly Snapshot[],
	{ selector, spec }: Pick<Selection, "selector" | "spec">,
	clock: Clock,
): Snapshot | undefined {
	if (selector.kind === "id") return only(snapshots, selector.prefix, spec);
	const ordered = sortByTime(snapshots);
	if (selector.kind === "latest") return ordered.at(-1 - selector.back);
	const chosen = ordered.findLast(matches(selector, clock));
	const byId =
		selector.kind === "time" && selector.prefix !== undefined
			? only(snapshots, selector.prefix, spec)
			: undefined;
	if (byId !== undefined && chosen !== undefined && byId !== chosen)
		throw ambiguous(spec, [byId, chosen]);
	return byId ?? chosen;
}

type Property = Exclude<Selector, { kind: "id" | "latest" }>;

function matches(
	selector: Property,
	clock: Clock,
): (snapshot: Snapshot) => boolean {
	switch (selector.kind) {
		case "tag":
			return ({ tags }) => tags.includes(selector.tag);
		case "time": {
			const end = momentEnd(selector.moment, clock);
			return ({ record }) => Date.parse(record.time) <= end;
		}
		case "commit":
			return ({ record }) =>
				provenances(record).some(({ commit }) =>
					startsWith(commit, selector.prefix),
				);
		case "version":
			return ({ record }) =>
				provenances(record).some(
					({ name, version }) =>
						name === selector.name && version === selector.version,
				);
		default:
			return selector satisfies never;
	}
}

function only(
	snapshots: readonly Snapshot[],
	prefix: string,
	spec: string,
): Snapshot | undefined {
	const found = snapshots.filter(({ id }) => id.startsWith(prefix));
	if (found.length > 1) throw ambiguous(spec, found);
	return found[0];
}

const mostNamed = 8;

function ambiguous(spec: string, found: readonly Snapshot[]): InputError {
	const named = found
		.slice(0, mostNamed)
		.map(
			({ id, record }) => `${id.slice(0, 12)} (${record.time}, ${record.host})`,
		);
	const more =
		found.length > mostNamed ? ` and ${found.length - mostNamed} more` : "";
	return new InputError(
		"AMBIGUOUS",
		`${spec} could be ${named.join(" or ")}${more}`,
		{ selector: spec, candidates: found.map(({ id }) => id).join(" ") },
	);
}

interface Absence {
	readonly isEmpty: boolean;
	readonly filter: SnapshotFilter;
	/** What would be meant if forgotten ones counted. */
	readonly forgotten: Snapshot | undefined;
}

function notFound(
	{ spec }: Selection,
	{ isEmpty, filter, forgotten }: Absence,
): NotFoundError {
	const details = { selector: spec };
	if (forgotten !== undefined) {
		const text = `the snapshot ${forgotten.id.slice(0, 8)} that ${spec} names is forgotten; unforget brings it back`;
		return new NotFoundError("NO_SUCH_SNAPSHOT", text, details);
	}
	const { hosts = [], paths = [], tags = [] } = filter;
	const isNarrowed = hosts.length + paths.length + tags.length > 0;
	const among = isNarrowed ? " with that host, path or tag" : "";
	const text = isEmpty
		? `there is no snapshot${among || " in the repository"} yet`
		: `there is no snapshot ${spec}${among}`;
	return new NotFoundError("NO_SUCH_SNAPSHOT", text, details);
}

interface Provenance {
	readonly name: string | undefined;
	readonly version: Json | undefined;
	readonly commit: Json | undefined;
}

/** What is recorded of the source as a whole, and of each component in it. */
function provenances({ provenance }: SnapshotRecord): Provenance[] {
	const whole = provenance as Fields;
	const versions = Object.entries(fieldsOf(whole["versions"])).map(
		([name, version]) => ({ name, version, commit: undefined }),
	);
	const components = Object.entries(fieldsOf(whole["components"])).map(
		([name, value]) => {
			const { version, commit } = fieldsOf(value);
			return { name, version, commit };
		},
	);
	const own = { name: undefined, version: undefined, commit: whole["commit"] };
	return [own, ...versions, ...components];
}

type Fields = { readonly [key: string]: Json | undefined };

function fieldsOf(value: Json | undefined): Fields {
	const isFields =
		typeof value === "object" && value !== null && !Array.isArray(value);
	return isFields ? (value as Fields) : {};
}

function startsWith(value: Json | undefined, prefix: string): boolean {
	return typeof value === "string" && value.startsWith(prefix);
}
