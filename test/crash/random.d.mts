/** Numbers that follow from a seed. */
export function seeded(seed: number): {
	below(limit: number): number;
	fraction(): number;
};
