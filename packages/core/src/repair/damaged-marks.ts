import {
	CorruptError,
	decodeForgotten,
	decodeLabel,
	encodeLabel,
	type SnapshotId,
	toHex,
} from "@varve/format";
import type { Stage } from "@varve/store";
import type { Repository } from "../repository.ts";

/**
 * Moves labels and marks of forgetting that cannot be read to the quarantine. A label may have been a pin, and its snapshot counts as pinned as long as nobody can
 * tell: so it is pinned in place of it. A mark that cannot be read forgets nothing. Returns how many there were.
 */
export async function putAwayMarks(
	repository: Repository,
	stage: Stage | undefined,
): Promise<number> {
	const { backend, tools } = repository;
	const sha256 = (bytes: Uint8Array) => tools.sha256Hex(bytes);
	let count = 0;
	for (const { name } of await backend.list("labels")) {
		const bytes = await backend.read("labels", name);
		if (isReadable(() => name.startsWith(decodeLabel(bytes, sha256).snapshot)))
			continue;
		count++;
		if (stage === undefined) continue;
		await pin(repository, stage, name.slice(0, 64) as SnapshotId);
		await backend.quarantine(stage, "labels", name);
	}
	for (const { name } of await backend.list("forgotten")) {
		const bytes = await backend.read("forgotten", name);
		if (isReadable(() => decodeForgotten(bytes, sha256).snapshot === name))
			continue;
		count++;
		if (stage !== undefined) await backend.quarantine(stage, "forgotten", name);
	}
	return count;
}

function isReadable(read: () => boolean): boolean {
	try {
		return read();
	} catch (error) {
		if (error instanceof CorruptError) return false;
		throw error;
	}
}

/** Unless the snapshot is gone. */
async function pin(
	{ backend, tools, clock }: Repository,
	stage: Stage,
	snapshot: SnapshotId,
): Promise<void> {
	if ((await backend.size("snapshots", snapshot)) === undefined) return;
	const time = new Date(clock.now()).toISOString();
	const bytes = encodeLabel({ snapshot, time, op: "pin" }, (b) =>
		tools.sha256Hex(b),
	);
	const name = `${snapshot}.${toHex(tools.random(16))}`;
	await stage.putBytes("labels", name, bytes, { exclusive: true });
}
