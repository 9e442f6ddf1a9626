import {
	decodeGcList,
	type GcList,
	isVarveError,
	NotFoundError,
	type VarveError,
} from "@varve/format";
import type { Toolbox } from "@varve/kernel";
import type { Listing, ReadBackend } from "@varve/store";

export interface RepositoryListing extends Listing {
	/** Snapshots that a pending gc condemned. */
	readonly condemnedSnapshots: ReadonlySet<string>;
}

/**
 * Lists a repository in the order in which nothing can be missed: gc lists, snapshots, segments, packs. What a snapshot
 * refers to was durable before it, so that it is in the listings made after.
 * A gc list that is damaged is given to `onDamage`, for one who only reads; without that it is thrown, for what it condemns must
 * not be built upon.
 */
export async function listRepository(
	backend: ReadBackend,
	tools: Pick<Toolbox, "sha256Hex">,
	onDamage?: (error: VarveError) => void,
): Promise<RepositoryListing> {
	const condemned = await listCondemned(backend, tools, onDamage);
	return {
		condemned: condemned.packs,
		condemnedSnapshots: condemned.snapshots,
		snapshots: await backend.list("snapshots"),
		segments: await backend.list("segments"),
		packs: await backend.list("packs"),
	};
}

/**
 * Forgotten snapshots that a pending gc deletes, and all that they alone need: gone for whoever reads. One that is not forgotten any more
 * stays, and gc finds out.
 */
export async function dyingIn(
	{ condemnedSnapshots }: RepositoryListing,
	backend: ReadBackend,
): Promise<ReadonlySet<string>> {
	if (condemnedSnapshots.size === 0) return condemnedSnapshots;
	const names = (await backend.list("forgotten")).map(({ name }) => name);
	return new Set(names.filter((name) => condemnedSnapshots.has(name)));
}

/** What pending generations condemn. */
export interface Condemned {
	readonly packs: ReadonlySet<string>;
	readonly snapshots: ReadonlySet<string>;
}

/** See listRepository. */
export async function listCondemned(
	backend: ReadBackend,
	tools: Pick<Toolbox, "sha256Hex">,
	onDamage?: (error: VarveError) => void,
): Promise<Condemned> {
	const packs = new Set<string>();
	const snapshots = new Set<string>();
	for (const { name } of await backend.list("gc")) {
		try {
			const list = await readGcList(name, backend, tools);
			for (const pack of list?.packs ?? []) packs.add(pack);
			for (const snapshot of list?.snapshots ?? []) snapshots.add(snapshot);
		} catch (error) {
			if (
				onDamage === undefined ||
				!isVarveError(error) ||
				error.name !== "CorruptError"
			)
				throw error;
			onDamage(error);
		}
	}
	return { packs, snapshots };
}

/** undefined if its gc ended between the listing and the reading. */
export async function readGcList(
	name: string,
	backend: ReadBackend,
	tools: Pick<Toolbox, "sha256Hex">,
): Promise<GcList | undefined> {
	try {
		const bytes = await backend.read("gc", name);
		return decodeGcList(bytes, (b) => tools.sha256Hex(b));
	} catch (error) {
		if (error instanceof NotFoundError) return undefined;
		throw error;
	}
}
