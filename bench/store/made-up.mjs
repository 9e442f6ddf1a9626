import { createHash, randomBytes } from "node:crypto";
import { encodeSegment } from "@varve/format";

/** Packs as segments describe them, with so many chunks of random ids: 50 in a frame, 40 frames in a pack. */
export function madeUpPacks(chunks) {
	const packs = [];
	for (let left = chunks; left > 0; ) {
		const frames = [];
		let offset = 48;
		for (let f = 0; f < 40 && left > 0; f++) {
			const count = Math.min(50, left);
			left -= count;
			const lengths = new Uint32Array(count).fill(20_000);
			frames.push({
				offset,
				storedLength: 200_000,
				rawLength: count * 20_000,
				bases: new Uint8Array(0),
				ids: new Uint8Array(randomBytes(count * 32)),
				lengths,
			});
			offset += 200_000;
		}
		const id = randomBytes(32).toString("hex");
		packs.push({ id, size: offset + 1000, kind: 1, frames });
	}
	return packs;
}

export function madeUpSegment(packs) {
	const bytes = encodeSegment("00".repeat(16), packs).slice();
	return { bytes, name: createHash("sha256").update(bytes).digest("hex") };
}

/** Ids of all chunks, ascending, 32 bytes each. */
export function sortedIds(packs) {
	const ids = packs.flatMap(({ frames }) =>
		frames.flatMap((frame) =>
			Array.from(frame.lengths, (_, i) =>
				frame.ids.subarray(i * 32, i * 32 + 32),
			),
		),
	);
	ids.sort(Buffer.compare);
	return joined(ids);
}

export function joined(ids) {
	const all = new Uint8Array(ids.length * 32);
	ids.forEach((id, i) => {
		all.set(id, i * 32);
	});
	return all;
}

/** Every `step`-th of them. */
export function thinned(ids, step) {
	const some = [];
	for (let at = 0; at < ids.length; at += 32 * step)
		some.push(ids.subarray(at, at + 32));
	return joined(some);
}
