import { besideOf, type Surroundings } from "./beside.ts";
import type { Spot } from "./items.ts";
import { lookFor } from "./live-directory.ts";
import type { Top } from "./tops.ts";

/** A directory that holds, or may hold, the folder of a journal. */
export interface HomeSpot extends Spot {
	/** Names in it of what is restored; undefined: it is restored itself, or lies in what is. */
	readonly of?: readonly string[] | undefined;
}

/** Directories in which the journal of a restore of these things may be: those they lie in, or else they themselves. */
export function possibleHomes(
	restored: readonly Spot[],
	surroundings: Surroundings,
): readonly HomeSpot[] {
	const homes = new Map<string, HomeSpot>();
	for (const spot of restored) {
		const home = besideOf(spot, surroundings) ?? insideOf(spot);
		const path = home.top.display(home.suffix);
		const known = homes.get(path);
		const of = known?.of && home.of && [...new Set([...known.of, ...home.of])];
		homes.set(path, known === undefined ? home : { ...known, of });
	}
	return [...homes.values()];
}

function insideOf({ top, suffix }: Spot): HomeSpot {
	const isThere = lookFor(top, suffix)?.stat.isDirectory() === true;
	return { top, suffix: isThere ? suffix : "" };
}

/** Paths of what is restored, by which its journal is found again. */
export function restoredPaths(homes: readonly HomeSpot[]): readonly string[] {
	return homes.flatMap(
		({ top, suffix, of }) =>
			of?.map((name) => top.display(`${suffix}/${name}`)) ?? [
				top.display(suffix),
			],
	);
}

/** Finds for each file system that is restored to one directory on it, into which what lies on it can be moved. */
export class Homes {
	readonly #possible: readonly HomeSpot[];
	readonly #byDevice = new Map<bigint, number>();
	readonly all: HomeSpot[] = [];

	constructor(possible: readonly HomeSpot[]) {
		this.#possible = possible;
	}

	/** Index of the home of what lies, or is to lie, at a spot. */
	of({ top, suffix }: Spot): number {
		const above = suffix.slice(0, suffix.lastIndexOf("/"));
		const device = this.#deviceOf(top, above);
		const known = this.#byDevice.get(device);
		if (known !== undefined) return known;
		const spot =
			this.#possible.find(
				(home) => this.#deviceOf(home.top, home.suffix) === device,
			) ?? this.#highest({ top, suffix: above }, device);
		this.#byDevice.set(device, this.all.length);
		return this.all.push(spot) - 1;
	}

	/** The top of what is mounted there. */
	#highest({ top, suffix }: Spot, device: bigint): Spot {
		let highest = suffix;
		while (highest !== "") {
			const above = highest.slice(0, highest.lastIndexOf("/"));
			if (this.#deviceOf(top, above) !== device) break;
			highest = above;
		}
		return { top, suffix: highest };
	}

	#deviceOf(top: Top, suffix: string): bigint {
		if (suffix === "") return top.device;
		return lookFor(top, suffix)?.stat.dev ?? top.device;
	}
}
