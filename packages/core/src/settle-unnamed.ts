import type { SegmentPack } from "@varve/format";
import type { Repository } from "./repository.ts";

/**
 * Makes packs durable that no segment names: whoever wrote them may have been killed, or have failed, between their rename and the sync of its
 * directory. Done before anything refers to what they hold, or a segment names them: packs that a segment names are durable.
 */
export async function settleUnnamed(
	{ backend }: Pick<Repository, "backend">,
	packs: readonly Pick<SegmentPack, "id">[],
): Promise<void> {
	await backend.settlePacks(packs.map(({ id }) => id));
}
