import {
	type Bytes,
	decodeRecord,
	encodeRecord,
	type Hash64,
	idBytes,
	idToBytes,
	isVarveError,
	type SnapshotId,
	type SnapshotRecord,
	type VarveError,
} from "@varve/format";
import type { ReadBackend } from "./backend.ts";
import { type Change, type Database, entriesOf } from "./level-database.ts";
import { keyOf, openValue, sealValue } from "./level-values.ts";
import type { Warn } from "./warn.ts";

/** Records read from the backend at the same time. */
const parallel = 16;

/** Those of the records that LevelDB has. Throws DamagedValue. */
export async function recordsFromLevel(
	database: Database,
	ids: readonly SnapshotId[],
	hash64: Hash64,
): Promise<Map<SnapshotId, SnapshotRecord>> {
	const keys = ids.map((id) => keyOf("s", idToBytes(id)));
	const values = await database.getMany(keys);
	const records = new Map<SnapshotId, SnapshotRecord>();
	values.forEach((value, i) => {
		if (value === undefined) return;
		const bytes = openValue(keys[i] as Bytes, value, hash64);
		records.set(ids[i] as SnapshotId, decodeRecord(bytes, { proven: true }));
	});
	return records;
}

export interface RecordsOptions {
	readonly backend: ReadBackend;
	readonly sha256Hex: (bytes: Bytes) => string;
	readonly warn: Warn;
}

/** Records as they lie in the repository. Without those that have vanished, or are damaged: of these there is a warning. */
export async function recordsFromBackend(
	ids: readonly SnapshotId[],
	options: RecordsOptions,
): Promise<Map<SnapshotId, SnapshotRecord>> {
	const records = new Map<SnapshotId, SnapshotRecord>();
	const waiting = ids.values();
	const lane = async () => {
		for (const id of waiting) {
			const record = await readRecord(id, options);
			if (record !== undefined) records.set(id, record);
		}
	};
	await Promise.all(Array.from({ length: parallel }, lane));
	return records;
}

async function readRecord(
	id: SnapshotId,
	options: RecordsOptions,
): Promise<SnapshotRecord | undefined> {
	let failure: VarveError | undefined;
	try {
		const bytes = await options.backend.read("snapshots", id);
		if (options.sha256Hex(bytes) === id) return decodeRecord(bytes);
	} catch (error) {
		if (isVarveError(error) && error.code === "NO_FILE") return undefined;
		if (!isVarveError(error)) throw error;
		failure = error;
	}
	const copy = await readRecordCopy(id, options);
	if (copy !== undefined) {
		options.warn({
			code: "COPY_READ",
			message: `snapshots/${id} is damaged: its copy is read instead; varve repair puts it back`,
		});
		return copy;
	}
	if (failure !== undefined && failure.name !== "CorruptError") throw failure;
	options.warn({
		code: "BAD_RECORD",
		message: `snapshots/${id} is damaged: the snapshot is left out`,
	});
	return undefined;
}

/** undefined if there is none that is sound. */
async function readRecordCopy(
	id: SnapshotId,
	{ backend, sha256Hex }: RecordsOptions,
): Promise<SnapshotRecord | undefined> {
	try {
		const bytes = await backend.read("copies/snapshots", id);
		return sha256Hex(bytes) === id ? decodeRecord(bytes) : undefined;
	} catch (error) {
		if (!isVarveError(error) || error.name === "UnsupportedError") throw error;
		return undefined;
	}
}

export function putRecord(
	id: SnapshotId,
	record: SnapshotRecord,
	hash64: Hash64,
): Change {
	const key = keyOf("s", idToBytes(id));
	const value = sealValue(key, encodeRecord(record), hash64);
	return { type: "put", key, value };
}

/** Forgets records of snapshots that are not in the list. */
export async function dropRecords(
	database: Database,
	listed: ReadonlySet<string>,
): Promise<void> {
	const changes: Change[] = [];
	for await (const entries of entriesOf(database, "s"))
		for (const [key] of entries) {
			const id = Buffer.from(key.subarray(1)).toString("hex");
			if (key.length !== 1 + idBytes || !listed.has(id))
				changes.push({ type: "del", key });
		}
	if (changes.length > 0) await database.batch(changes);
}
