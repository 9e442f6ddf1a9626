import { type LeaseId, toHex } from "@varve/format";
import type { Stage } from "@varve/store";
import type { Repository } from "./repository.ts";

/**
 * Works with a stage and without a lease: for small repairs that build on nothing which a gc could take away, and that must also be
 * possible where no lease can be written.
 */
export async function withStage<T>(
	{ backend, tools }: Repository,
	work: (stage: Stage) => Promise<T>,
): Promise<T> {
	const stage = await backend.stage(toHex(tools.random(16)) as LeaseId);
	try {
		return await work(stage);
	} finally {
		await stage.release();
	}
}
