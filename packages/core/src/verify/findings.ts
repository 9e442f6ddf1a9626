import {
	type ChunkId,
	idToBytes,
	type SnapshotId,
	type SnapshotRecord,
} from "@varve/format";
import { attemptRead } from "../damage.ts";
import type { Repository } from "../repository.ts";
import type { Fault, Finding } from "./finding.ts";
import { findHurt, HurtMap } from "./hurt.ts";
import { hasSoundCopy, soundCopies } from "./sound-copies.ts";

/** Tells of each fault what it hurts: only if there are any, all snapshots are walked for that. */
export async function findingsOf(
	faults: readonly Fault[],
	repository: Repository,
	records: ReadonlyMap<SnapshotId, SnapshotRecord>,
): Promise<Finding[]> {
	const sound = await soundCopies(faults, repository);
	const lost = faults.map((fault) =>
		hasSoundCopy(fault, sound)
			? unreadable(fault, repository)
			: lostChunks(fault, repository),
	);
	const bad = new Set(lost.flat());
	const { objects } = repository;
	const map =
		bad.size === 0 ? new HurtMap() : findHurt({ objects, records, bad });
	return faults.flatMap((fault, i) => {
		const finding = findingOf(fault, lost[i] ?? [], map);
		// Without a chunk it is not known what it hurts.
		const isNeeded = finding.hurt.length > 0 || fault.chunks.length === 0;
		if (fault.baseless && !isNeeded) return [];
		return hasSoundCopy(fault, sound) && finding.hurt.length === 0
			? restorable(fault, finding)
			: finding;
	});
}

/** Only a record that is not there at all is missed by anyone until it is put back. */
function restorable({ code }: Fault, finding: Finding): Finding {
	return {
		...finding,
		hasCopy: true,
		message: `${finding.message}; its copy is whole, varve repair puts it back`,
		snapshots: code === "MISSING_SNAPSHOT" ? finding.snapshots : [],
	};
}

function findingOf(
	{ code, message, file, pack, chunks, snapshots }: Fault,
	lost: readonly string[],
	map: HurtMap,
): Finding {
	const { hurt, more } = map.of(lost);
	const all = new Set([
		...(snapshots ?? []),
		...hurt.flatMap((path) => path.snapshots),
	]);
	return {
		code,
		message,
		file,
		pack,
		chunk: chunks.length === 1 ? (chunks[0] as ChunkId) : undefined,
		hurt,
		moreHurt: more,
		snapshots: [...all],
	};
}

/** Chunks of a fault that second copies do not give either: that of their pack is of no use where a base is lost. */
function unreadable(
	{ chunks }: Fault,
	{ objects }: Repository,
): readonly string[] {
	return chunks.filter(
		(chunk) =>
			attemptRead(() => objects.readAt(idToBytes(chunk), 0)) instanceof Error,
	);
}

/** Chunks of a fault that are not read from another pack anyway. */
function lostChunks(fault: Fault, { index }: Repository): readonly string[] {
	if (fault.pack === undefined) return fault.chunks;
	return fault.chunks.filter((chunk) => {
		const [place] = index.places(idToBytes(chunk));
		return place === undefined || place.pack === fault.pack;
	});
}
