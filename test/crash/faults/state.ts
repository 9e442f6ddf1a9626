import {
	isVarveError,
	listPolicies,
	listSnapshots,
	type Repository,
	type Snapshot,
	type SnapshotId,
	type SnapshotRecord,
	verify,
} from "@varve/core";
import { prepareToRead } from "../../../packages/core/src/prepare-to-read.ts";
import { type Content, contentOf } from "../repair/bench.ts";

/** What can be told of a repository by one who knows nothing of ids. */
export interface State {
	/** What the snapshots hold that are not forgotten, each once. */
	readonly live: readonly string[];
	/** Labels of these. */
	readonly labels: readonly string[];
	/** The same of the forgotten ones. */
	readonly forgotten: readonly string[];
	readonly policies: readonly string[];
	/** What verify found. */
	readonly findings: readonly string[];
	/** Lists of gcs that are not finished. */
	readonly lists: number;
	readonly leases: number;
}

export interface Look {
	readonly state: State;
	readonly contents: ReadonlyMap<SnapshotId, Content>;
}

/** `reads` all content too, which is for where some of it is lost: else verify has proved it. */
export async function lookAt(
	repository: Repository,
	reads: boolean,
): Promise<Look> {
	const { backend, objects } = repository;
	objects.outdate();
	const leases = await backend.list("leases");
	const all = await listSnapshots(repository, { forgotten: true });
	const live = all.filter(({ forgotten }) => !forgotten);
	const contents = reads ? await contentsOf(repository, all, live) : new Map();
	const texts = new Map(
		all.map(({ id, record }) => [id, textOf(record, contents.get(id))]),
	);
	const { policies } = await listPolicies(repository);
	const { findings } = await verify(repository, { level: "data" });
	const state = {
		live: unique(live.map(({ id }) => texts.get(id))),
		labels: unique(
			live.map(({ id, tags, pin, note }) =>
				[texts.get(id), tags, pin, note].join(" "),
			),
		),
		forgotten: unique(
			all.filter(({ forgotten }) => forgotten).map(({ id }) => texts.get(id)),
		),
		policies: policies.map(({ name, retention }) =>
			JSON.stringify([name, retention]),
		),
		findings: unique(findings.map(({ code }) => code)),
		lists: (await backend.list("gc")).length,
		leases: leases.length,
	};
	return { state, contents };
}

/** Of all snapshots, or of those that are not forgotten, if a gc has condemned others. */
async function contentsOf(
	repository: Repository,
	...lists: (readonly Snapshot[])[]
): Promise<Map<SnapshotId, Content>> {
	for (const list of lists)
		try {
			const ids = list.map(({ id }) => id);
			await prepareToRead(repository, ids);
			return new Map(
				list.map(({ id, record }) => [id, contentOf(repository, record)]),
			);
		} catch (error) {
			if (!isVarveError(error) || error.code !== "NO_SUCH_SNAPSHOT")
				throw error;
		}
	throw new Error("snapshots that nobody has forgotten are condemned");
}

const unique = (texts: readonly (string | undefined)[]) =>
	[...new Set(texts)].map(String).sort();

/** A tree's id stands for all that is in it, which has been proved by it. */
function textOf(
	{ roots }: SnapshotRecord,
	content: Content = new Map(),
): string {
	const trees = roots.map(({ path, tree }) => `${path} ${tree.slice(0, 16)}`);
	const lost = [...content].filter(([, hash]) => hash === undefined);
	return [...trees, ...lost.map(([path]) => `without ${path}`)].join(", ");
}
