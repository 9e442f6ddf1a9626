import type { ListedFile } from "@varve/store";

/** Which packs are read. */
export type Subset =
	/** Of `t` parts that the packs are divided into by their ids the one with number `n`, from 1 on. */
	| { readonly kind: "nth"; readonly n: number; readonly t: number }
	/** Chosen at random: this share of all packs, 0 to 100. */
	| { readonly kind: "percent"; readonly percent: number }
	/** Chosen at random: about this many bytes. */
	| { readonly kind: "bytes"; readonly bytes: number };

/** At least one pack is chosen at random, if there are any. `random` returns a number from 0 up to 1. */
export function choosePacks(
	packs: readonly ListedFile[],
	subset: Subset | undefined,
	random: () => number,
): readonly ListedFile[] {
	if (subset === undefined) return packs;
	if (subset.kind === "nth")
		return packs.filter(
			({ name }) =>
				Number.parseInt(name.slice(0, 8), 16) % subset.t === subset.n - 1,
		);
	const shuffled = shuffle(packs, random);
	if (subset.kind === "percent")
		return shuffled.slice(0, Math.ceil((packs.length * subset.percent) / 100));
	let sum = 0;
	return shuffled.filter(({ size }, i) => {
		const isChosen = i === 0 || sum + size <= subset.bytes;
		if (isChosen) sum += size;
		return isChosen;
	});
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
