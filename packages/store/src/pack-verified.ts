import {
	ByteReader,
	type Bytes,
	ByteWriter,
	type Hash64,
	idToBytes,
	type PackId,
} from "@varve/format";
import type { Change, Database } from "./level-database.ts";
import { DamagedValue, keyOf, openValue, sealValue } from "./level-values.ts";

/** When packs were found good. Throws DamagedValue. */
export async function readVerified(
	database: Database,
	packs: readonly PackId[],
	hash64: Hash64,
): Promise<Map<PackId, number>> {
	const keys = packs.map((pack) => keyOf("v", idToBytes(pack)));
	const values = await database.getMany(keys);
	const times = new Map<PackId, number>();
	values.forEach((value, i) => {
		if (value === undefined) return;
		const payload = openValue(keys[i] as Bytes, value, hash64);
		if (payload.length !== 8) throw new DamagedValue("bad time");
		const time = new ByteReader(payload, "time of a pack").u64();
		times.set(packs[i] as PackId, time);
	});
	return times;
}

export async function writeVerified(
	database: Database,
	{ packs, time }: { packs: readonly PackId[]; time: number },
	hash64: Hash64,
): Promise<void> {
	const writer = new ByteWriter(8);
	writer.u64(time);
	const changes = packs.map((pack): Change => {
		const key = keyOf("v", idToBytes(pack));
		return { type: "put", key, value: sealValue(key, writer.view(), hash64) };
	});
	await database.batch(changes);
}
