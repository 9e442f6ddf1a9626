/** Numbers that follow from a seed. */
export function seeded(seed: number): {
	below(limit: number): number;
	fraction(): number;
	pick<T>(list: readonly T[]): T | undefined;
	bytes(length: number): Uint8Array<ArrayBuffer>;
};
