import { CorruptError } from "@varve/format";
import type { ListedFile, Stage } from "@varve/store";
import type { Repository } from "../repository.ts";

/** Kinds of files of which a second copy lies below `copies/`, under the same path. Of packs those with trees. */
export type CopiedKind = "config" | "keys" | "snapshots" | "packs";

export function copyKind<K extends CopiedKind>(kind: K): `copies/${K}` {
	return `copies/${kind}`;
}

const sliceBytes = 1024 * 1024;

export interface FileToCopy {
	readonly name: string;
	/** Bytes. */
	readonly size: number;
}

/**
 * Writes a pack a second time, durably, from the one to the other. The bytes are read and written rather than left to the system to copy:
 * some file systems would let both files share the same blocks, and one bad sector would hurt both. They are proved on the way by
 * the pack's name; CorruptError "BAD_PACK", and nothing written, if they are not what was stored.
 */
export async function writePackAgain(
	{ backend, tools }: Repository,
	stage: Stage,
	{ name, size, from, to }: FileToCopy & FromTo,
): Promise<void> {
	const spool = stage.spool.create();
	const hash = tools.startSha256();
	try {
		const buffer = new Uint8Array(Math.min(sliceBytes, size));
		for (let at = 0; at < size; at += buffer.length) {
			const slice = buffer.subarray(0, Math.min(buffer.length, size - at));
			backend.blocking.readInto(from, name, at, slice);
			hash.update(slice);
			spool.write(slice);
		}
		if (hash.hex() !== name)
			throw new CorruptError(
				"BAD_PACK",
				`${from}/${name} does not match its id`,
				{ pack: name },
			);
		spool.close();
	} catch (error) {
		spool.discard();
		throw error;
	}
	await stage.put(to, name, spool.name);
}

interface FromTo {
	readonly from: "packs" | "copies/packs";
	readonly to: "packs" | "copies/packs";
}

/** The same for a record. */
export async function writeRecordAgain(
	{ backend, tools }: Repository,
	stage: Stage,
	{
		name,
		from,
		to,
	}: {
		readonly name: string;
		readonly from: "snapshots" | "copies/snapshots";
		readonly to: "snapshots" | "copies/snapshots";
	},
): Promise<void> {
	const bytes = await backend.read(from, name);
	if (tools.sha256Hex(bytes) !== name)
		throw new CorruptError(
			"BAD_RECORD",
			`${from}/${name} does not match its id`,
			{ snapshot: name },
		);
	await stage.putBytes(to, name, bytes);
}

export function namesOf(files: readonly ListedFile[]): Set<string> {
	return new Set(files.map(({ name }) => name));
}
