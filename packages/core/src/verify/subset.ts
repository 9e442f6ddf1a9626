import type { ListedFile } from "@varve/store";

/** Which packs are read. */
export type Subset =
	/** Of `t` parts that the packs are divided into by their ids the one with number `n`, from 1 on. */
	| { readonly kind: "nth"; readonly n: number; readonly t: number }
	/** This share of all packs, 0 to 100. */
	| { readonly kind: "percent"; readonly percent: number }
	/** About this many bytes. */
	| { readonly kind: "bytes"; readonly bytes: number };

/**
 * Shares and bytes are of the packs that were read longest ago, by `timeOf`; at random among equals. At least one, if there are any. `random`
 * returns a number from 0 up to 1.
 */
export function choosePacks(
	packs: readonly ListedFile[],
	subset: Subset | undefined,
	{ random, timeOf }: Choice,
): readonly ListedFile[] {
	if (subset === undefined) return packs;
	if (subset.kind === "nth")
		return packs.filter(
			({ name }) =>
				Number.parseInt(name.slice(0, 8), 16) % subset.t === subset.n - 1,
		);
	const shuffled = oldestFirst(packs, { random, timeOf });
	if (subset.kind === "percent")
		return shuffled.slice(0, Math.ceil((packs.length * subset.percent) / 100));
	let sum = 0;
	return shuffled.filter(({ size }, i) => {
		const isChosen = i === 0 || sum + size <= subset.bytes;
		if (isChosen) sum += size;
		return isChosen;
	});
}

export interface Choice {
	readonly random: () => number;
	readonly timeOf: (pack: string) => number;
}

/** At random among those of one time: where nothing is remembered, runs one after the other still come to all of them. */
export function oldestFirst(
	packs: readonly ListedFile[],
	{ random, timeOf }: Choice,
): ListedFile[] {
	return shuffle(packs, random).sort((a, b) => timeOf(a.name) - timeOf(b.name));
}

function shuffle<T>(items: readonly T[], random: () => number): T[] {
	const shuffled = [...items];
	for (let i = shuffled.length - 1; i > 0; i--) {
		const j = Math.floor(random() * (i + 1));
		const moved = shuffled[i] as T;
		shuffled[i] = shuffled[j] as T;
		shuffled[j] = moved;
	}
	return shuffled;
}
