import {
	CorruptError,
	isVarveError,
	reserveBytesFor,
	type VarveError,
} from "@varve/format";
import type { Stage } from "@varve/store";
import { areKept, findMissing, makeAll } from "../copies/keep-copies.ts";
import { lostOriginals } from "../copies/lost-originals.ts";
import { withLease } from "../lease.ts";
import { type FoundLease, listLeases } from "../lease-table.ts";
import { listCondemned, readGcList } from "../listing.ts";
import { listToRead } from "../prepare-to-read.ts";
import { type CacheUsage, cacheUsage } from "../query/repository-facts.ts";
import type { Repository } from "../repository.ts";
import { stagesWithoutLease } from "../stages.ts";
import { takeAway } from "../unlock.ts";
import { withStage } from "../with-stage.ts";
import {
	type Findings,
	type Generation,
	judgeFindings,
	type Remark,
	type Remedy,
} from "./ailments.ts";

export interface Examination {
	/** Everyone who works in the repository, or did. */
	readonly leases: readonly FoundLease[];
	readonly remarks: readonly Remark[];
	readonly segments: number;
	readonly packs: number;
	readonly cache: CacheUsage;
}

/** Looks at everything about a repository that is not content: who works in it, and what was left behind. Changes nothing. */
export async function examine(repository: Repository): Promise<Examination> {
	const { backend, index } = repository;
	const leases = await listLeases(repository);
	const held = leases.map(({ lease }) => lease);
	const stages = await stagesWithoutLease(repository, held);
	const fenced = await fencedStages(repository);
	const reserve = await backend.size("reserve", "reserve");
	const generations = await listGenerations(repository);
	const listing = await listToRead(repository);
	await index.catchUp(listing);
	const cache = await cacheUsage(repository);
	const findings: Findings = {
		leases,
		stages,
		fenced,
		reserve,
		generations,
		packsInNoSegment: index.adopted.length,
		packsMissing: index.lost.length,
		copiesMissing: await countMissing(repository),
		originalsLost: [
			...(await lostFiles(repository, "snapshots")),
			...(await lostFiles(repository, "packs")),
		],
		hasCache: cache.folder !== undefined,
	};
	return {
		leases,
		remarks: judgeFindings(findings),
		segments: listing.segments.length,
		packs: listing.packs.length,
		cache,
	};
}

/** Who ends its lease deletes its stage by this way too: what is there twice is left. */
async function fencedStages({
	backend,
	timer,
}: Repository): Promise<readonly string[]> {
	const first = await backend.listFenced();
	if (first.length === 0) return first;
	await timer.sleep(1_000);
	const second = new Set(await backend.listFenced());
	return first.filter((name) => second.has(name));
}

/** A damaged gc list is told of by itself. */
async function countMissing(repository: Repository): Promise<number> {
	if (!areKept(repository)) return 0;
	const condemned = await listCondemned(
		repository.backend,
		repository.tools,
		() => {},
	);
	const missing = await findMissing(repository, { condemned });
	const { packs, snapshots, config } = missing;
	return packs.length + snapshots.length + (config ? 1 : 0);
}

async function lostFiles(
	{ backend }: Repository,
	kind: "snapshots" | "packs",
): Promise<string[]> {
	const lost = await lostOriginals(backend, kind);
	return lost.map(({ name }) => `${kind}/${name}`);
}

async function listGenerations({
	backend,
	tools,
}: Repository): Promise<Generation[]> {
	const generations: Generation[] = [];
	for (const { name } of await backend.list("gc"))
		try {
			const list = await readGcList(name, backend, tools);
			if (list === undefined) continue;
			const { time, packs, snapshots } = list;
			const counts = { packs: packs.length, snapshots: snapshots.length };
			generations.push({ name, list: { time, ...counts } });
		} catch (error) {
			if (!(error instanceof CorruptError)) throw error;
			generations.push({ name, list: undefined });
		}
	return generations;
}

/** What became of a remark that had a remedy: the failure, if it could not be applied. */
export interface Treated {
	readonly remark: Remark;
	readonly failure: VarveError | undefined;
}

/** Applies the remedies there are, and goes on where one fails. */
export async function treat(
	repository: Repository,
	remarks: readonly Remark[],
): Promise<Treated[]> {
	const treated: Treated[] = [];
	for (const remark of remarks) {
		if (remark.remedy === undefined) continue;
		let failure: VarveError | undefined;
		try {
			await apply(repository, remark.remedy);
		} catch (error) {
			if (!isVarveError(error)) throw error;
			failure = error;
		}
		treated.push({ remark, failure });
	}
	return treated;
}

async function apply(repository: Repository, remedy: Remedy): Promise<void> {
	const { backend } = repository;
	switch (remedy.kind) {
		case "remove-leases":
			return await takeAway(repository, remedy.leases);
		case "fence-stages":
			for (const stage of remedy.stages) await backend.fence(stage);
			return;
		case "clear-fenced":
			return await backend.clearFenced();
		case "make-copies":
			return await withLease(
				repository,
				{ kind: "writer", snapshots: [], command: "doctor --fix" },
				(stage, lost) => makeAll(repository, stage, lost),
			);
		case "put-reserve":
			return await withStage(repository, (stage) =>
				putReserve(repository, stage),
			);
		case "put-away-list":
			await withStage(repository, (stage) =>
				backend.quarantine(stage, "gc", remedy.name),
			);
			return;
	}
}

async function putReserve({ backend }: Repository, stage: Stage) {
	const snapshots = await backend.list("snapshots");
	const bytes = new Uint8Array(reserveBytesFor(snapshots.length));
	await stage.putBytes("reserve", "reserve", bytes);
}
