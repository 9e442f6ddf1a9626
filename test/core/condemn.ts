import { encodeGcList, type PackId, type SnapshotId } from "@varve/format";
import type { Repository } from "../../packages/core/src/repository.ts";
import { withStage } from "../../packages/core/src/with-stage.ts";

export interface Condemned {
	readonly packs?: readonly string[];
	readonly snapshots?: readonly string[];
}

/** As if a gc had condemned these, and been killed before its sweep. */
export async function condemn(
	repository: Repository,
	{ packs = [], snapshots = [] }: Condemned,
): Promise<void> {
	const { clock, tools } = repository;
	await withStage(repository, async (stage) => {
		const list = {
			generation: stage.lease,
			time: new Date(clock.now()).toISOString(),
			packs: packs as readonly PackId[],
			snapshots: snapshots as readonly SnapshotId[],
		};
		const bytes = encodeGcList(list, tools.sha256Hex);
		await stage.putBytes("gc", stage.lease, bytes);
	});
}

/** Lets something happen when a reader has listed the repository for the first time. */
export function onceListed(
	{ index }: Repository,
	happens: () => Promise<void>,
): void {
	const catchUp = index.catchUp.bind(index);
	let isDone = false;
	const value: typeof index.catchUp = async (...args) => {
		await catchUp(...args);
		if (isDone) return;
		isDone = true;
		await happens();
	};
	Object.defineProperty(index, "catchUp", { value });
}
