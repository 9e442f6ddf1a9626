import type { SegmentPack } from "@varve/format";
import type { FileKind } from "@varve/store";
import type { Repository } from "./repository.ts";

type WithBackend = Pick<Repository, "backend">;

/** Kinds of few files, each in one folder. */
const flat = [
	"config",
	"snapshots",
	"copies/snapshots",
	"segments",
	"labels",
	"forgotten",
	"policies",
	"gc",
	"quarantine",
] as const satisfies readonly FileKind[];

/**
 * Makes durable what is seen of everything but packs: that files are there, and that others are gone. Whoever wrote or removed them may have been
 * killed, or have failed, between the rename and the sync of its directory. Done once they are listed, and before anything relies on them: a mark
 * on one snapshot because of another, a removal because of what is gone already.
 */
export async function settleSeen({ backend }: WithBackend): Promise<void> {
	await backend.settle(flat);
}

/** That packs are gone of which the quarantine has what was in their place. */
export async function settleQuarantined({
	backend,
}: WithBackend): Promise<void> {
	const held = await backend.list("quarantine");
	await backend.settlePacks(
		held.flatMap(({ name }) => /^packs\.([0-9a-f]{64})/.exec(name)?.[1] ?? []),
	);
}

/** The same of packs that no segment names: done before anything refers to what they hold, or a segment names them. Packs that a segment names are durable. */
export async function settleUnnamed(
	{ backend }: WithBackend,
	packs: readonly Pick<SegmentPack, "id">[],
): Promise<void> {
	await backend.settlePacks(packs.map(({ id }) => id));
}
