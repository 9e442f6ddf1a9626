import type { Bytes } from "@varve/format";
import type { Loss, Random } from "./loss.ts";

/** A file that is about to lose some of its bytes. */
export interface Endangered {
	/** What is durable. */
	readonly synced: Bytes;
	/** With all that was written since; not shorter. */
	readonly whole: Bytes;
	/** Where writes since began. */
	readonly joints: readonly number[];
}

type Pick = (file: Endangered, random: Random) => Bytes;

const picks: readonly Pick[] = [
	({ synced }) => synced,
	({ whole }) => whole,
	someWrites,
	torn,
	zeros,
	(file, random) => blocks(file, random, 512),
	(file, random) => blocks(file, random, 4096),
	noise,
];

/** What is left of it. */
export function pickContent(file: Endangered, { bytes, random }: Loss): Bytes {
	if (bytes === "none") return file.synced;
	if (bytes === "all") return file.whole;
	if (bytes === "zeros") return zeros(file);
	if (bytes === "torn") return torn(file, random);
	return (random.pick(picks) as Pick)(file, random);
}

/** The first writes, whole. */
function someWrites(
	{ synced, whole, joints }: Endangered,
	random: Random,
): Bytes {
	const end = Math.max(synced.length, random.pick(joints) as number);
	return whole.subarray(0, end);
}

/** Up to any byte. */
function torn({ synced, whole }: Endangered, random: Random): Bytes {
	const more = random.below(whole.length - synced.length + 1);
	return whole.subarray(0, synced.length + more);
}

/** The size was written, the bytes were not: delayed allocation. */
function zeros({ synced, whole }: Endangered): Bytes {
	const bytes = new Uint8Array(whole.length);
	bytes.set(synced);
	return bytes;
}

/** Some blocks were written; the size, or the end of the last of them. */
function blocks(file: Endangered, random: Random, size: number): Bytes {
	const { synced, whole } = file;
	const bytes = zeros(file);
	let end = synced.length;
	for (
		let at = synced.length - (synced.length % size);
		at < whole.length;
		at += size
	) {
		if (random.below(2) === 0) continue;
		bytes.set(whole.subarray(at, at + size), at);
		end = Math.max(end, Math.min(at + size, whole.length));
	}
	return random.below(2) === 0 ? bytes : bytes.subarray(0, end);
}

/** The size was written, and what lay on the disk before is read: metadata without order. */
function noise({ synced, whole }: Endangered, random: Random): Bytes {
	const bytes = random.bytes(whole.length);
	bytes.set(synced);
	return bytes;
}
