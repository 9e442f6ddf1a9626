import type { Bytes } from "./bytes.ts";

const slash = 0x2f;

/** Order of the walk for two paths below one root: by bytes, "/" before every other byte. */
export function compareWalkOrder(a: Bytes, b: Bytes): number {
	const n = Math.min(a.length, b.length);
	for (let i = 0; i < n; i++) {
		const x = a[i] as number;
		const y = b[i] as number;
		if (x === y) continue;
		if (x === slash) return -1;
		if (y === slash) return 1;
		return x - y;
	}
	return a.length - b.length;
}
