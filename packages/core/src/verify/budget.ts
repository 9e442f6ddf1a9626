import type { ListedFile } from "@varve/store";
import { attemptRead } from "../damage.ts";
import type { Repository } from "../repository.ts";
import type { CopyCheck } from "./copy-check.ts";
import { PackEnds } from "./pack-ends.ts";
import type { PackQueue } from "./pack-queue.ts";

export interface BudgetOptions {
	readonly repository: Repository;
	readonly queue: PackQueue;
	readonly copies: CopyCheck | undefined;
	/** In the order in which they are to be read. */
	readonly packs: readonly ListedFile[];
	/** True when no further pack is to be begun. */
	readonly isUsedUp: () => boolean;
	readonly signal: AbortSignal | undefined;
}

/**
 * Reads packs one after the other until the time is used up, at least one. What stands around their frames is known to be right or has been
 * told of: frames of a pack whose directory is damaged are not read here.
 */
export async function readWithinBudget({
	repository: { backend, tools },
	queue,
	copies,
	packs,
	isUsedUp,
	signal,
}: BudgetOptions): Promise<void> {
	const ends = new PackEnds(backend.blocking, (bytes) => tools.hash64(bytes));
	for (const [i, file] of packs.entries()) {
		signal?.throwIfAborted();
		if (i > 0 && isUsedUp()) break;
		const found = attemptRead(() => {
			const kind = ends.kind(file);
			const trailer = ends.trailer(file);
			return { kind, trailer, frames: ends.directory(file, trailer) };
		});
		if (found instanceof Error) continue;
		await queue.add({ file, ...found });
		const copy = copies?.toRead(file);
		if (copy !== undefined) await queue.add(copy);
	}
}
