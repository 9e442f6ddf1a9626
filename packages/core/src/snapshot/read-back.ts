import {
	type Bytes,
	CorruptError,
	compareBytes,
	idBytes,
	type PackFrame,
	type SegmentPack,
	toHex,
} from "@varve/format";
import type { Repository } from "../repository.ts";

/** Reads packs just made durable from where they are stored now, and proves every chunk in them. */
export function readBack(
	{ backend, tools }: Repository,
	packs: readonly SegmentPack[],
): void {
	for (const pack of packs)
		for (const frame of pack.frames) {
			const stored = new Uint8Array(frame.storedLength);
			backend.blocking.readInto("packs", pack.id, frame.offset, stored);
			const { raw } = tools.decoder.decode(stored, {
				bases: () => new Uint8Array(0),
			});
			const wrong = wrongChunk(raw, frame, (bytes) => tools.sha256(bytes));
			if (wrong !== undefined)
				throw new CorruptError(
					"BAD_CHUNK",
					`the chunk ${wrong}, stored a moment ago, comes back different from the pack ${pack.id}`,
					{ pack: pack.id, chunk: wrong },
				);
		}
}

/** The id of the first chunk whose bytes do not have it. */
export function wrongChunk(
	raw: Bytes,
	{ ids, lengths }: Pick<PackFrame, "ids" | "lengths">,
	sha256: (bytes: Bytes) => Bytes,
): string | undefined {
	let at = 0;
	for (let i = 0; i < lengths.length; i++) {
		const length = lengths[i] as number;
		const id = ids.subarray(i * idBytes, (i + 1) * idBytes);
		if (compareBytes(sha256(raw.subarray(at, at + length)), id) !== 0)
			return toHex(id);
		at += length;
	}
	return undefined;
}
