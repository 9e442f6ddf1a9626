import {
	decodeGcList,
	isVarveError,
	NotFoundError,
	type VarveError,
} from "@varve/format";
import type { Toolbox } from "@varve/kernel";
import type { Listing, ReadBackend } from "@varve/store";

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
): Promise<Listing> {
	const condemned = new Set<string>();
	for (const { name } of await backend.list("gc")) {
		try {
			for (const pack of await condemnedBy(name, backend, tools))
				condemned.add(pack);
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
	return {
		condemned,
		snapshots: await backend.list("snapshots"),
		segments: await backend.list("segments"),
		packs: await backend.list("packs"),
	};
}

async function condemnedBy(
	name: string,
	backend: ReadBackend,
	tools: Pick<Toolbox, "sha256Hex">,
): Promise<readonly string[]> {
	try {
		const bytes = await backend.read("gc", name);
		return decodeGcList(bytes, (b) => tools.sha256Hex(b)).packs;
	} catch (error) {
		// Its gc ended between the listing and the reading.
		if (error instanceof NotFoundError) return [];
		throw error;
	}
}
