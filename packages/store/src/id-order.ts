import { type Bytes, idBytes } from "@varve/format";

/** Compares the ids at two places, or their first `length` bytes, as bytes: negative, zero or positive. */
export function compareIdsAt(
	a: Bytes,
	atA: number,
	b: Bytes,
	atB: number,
	length = idBytes,
): number {
	for (let i = 0; i < length; i++) {
		const d = (a[atA + i] as number) - (b[atB + i] as number);
		if (d !== 0) return d;
	}
	return 0;
}

/** Bytes 1 to 3 of the id at `at`, as a number: ids are as good as random, so it tells where among its equals in byte 0 an id lies. */
export function positionBits(ids: Bytes, at: number): number {
	return (
		((ids[at + 1] as number) << 16) |
		((ids[at + 2] as number) << 8) |
		(ids[at + 3] as number)
	);
}
