import { createHash } from "node:crypto";

export function sha256(bytes: Uint8Array): Uint8Array {
	return new Uint8Array(createHash("sha256").update(bytes).digest());
}

export function sha256Hex(bytes: Uint8Array): string {
	return createHash("sha256").update(bytes).digest("hex");
}

const p1 = 0x9e3779b185ebca87n;
const p2 = 0xc2b2ae3d27d4eb4fn;
const p3 = 0x165667b19e3779f9n;
const p4 = 0x85ebca77c2b2ae63n;
const p5 = 0x27d4eb2f165667c5n;

const wrap = (n: bigint) => BigInt.asUintN(64, n);
const rotate = (n: bigint, by: bigint) =>
	wrap((n << by) | (wrap(n) >> (64n - by)));
const round = (lane: bigint, input: bigint) =>
	wrap(rotate(wrap(lane + input * p2), 31n) * p1);
const merge = (hash: bigint, lane: bigint) =>
	wrap((hash ^ round(0n, lane)) * p1 + p4);

/** XXH64 with seed 0, written down from its specification: slow, and independent of the one that packs are written with. */
export function xxh64(bytes: Uint8Array): bigint {
	const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.length);
	let at = 0;
	let hash = p5;
	if (bytes.length >= 32) {
		const lanes = [wrap(p1 + p2), p2, 0n, wrap(-p1)];
		for (; at + 32 <= bytes.length; at += 32)
			for (let i = 0; i < 4; i++)
				lanes[i] = round(lanes[i] ?? 0n, view.getBigUint64(at + 8 * i, true));
		const [a = 0n, b = 0n, c = 0n, d = 0n] = lanes;
		hash = wrap(
			rotate(a, 1n) + rotate(b, 7n) + rotate(c, 12n) + rotate(d, 18n),
		);
		for (const lane of lanes) hash = merge(hash, lane);
	}
	hash = wrap(hash + BigInt(bytes.length));
	for (; at + 8 <= bytes.length; at += 8)
		hash = wrap(
			rotate(hash ^ round(0n, view.getBigUint64(at, true)), 27n) * p1 + p4,
		);
	if (at + 4 <= bytes.length) {
		const word = BigInt(view.getUint32(at, true));
		hash = wrap(rotate(hash ^ wrap(word * p1), 23n) * p2 + p3);
		at += 4;
	}
	for (; at < bytes.length; at++)
		hash = wrap(rotate(hash ^ wrap(BigInt(bytes[at] ?? 0) * p5), 11n) * p1);
	hash = wrap((hash ^ (hash >> 33n)) * p2);
	hash = wrap((hash ^ (hash >> 29n)) * p3);
	return hash ^ (hash >> 32n);
}
