import type { Spot } from "./items.ts";
import { lookFor } from "./live-directory.ts";
import type { Placed, Top } from "./tops.ts";

/** Directories in which the journal of a restore in place may be: those that are restored themselves, or else those they lie in. */
export function possibleHomes(placed: readonly Placed[]): readonly Spot[] {
	return placed.map(({ located, top, suffix }) => {
		const isThere =
			located.type === "directory" &&
			lookFor(top, suffix)?.stat.isDirectory() === true;
		return { top, suffix: isThere ? suffix : "" };
	});
}

/** Finds for each file system that is restored to one directory on it, into which what lies on it can be moved. */
export class Homes {
	readonly #possible: readonly Spot[];
	readonly #byDevice = new Map<bigint, number>();
	readonly all: Spot[] = [];

	constructor(possible: readonly Spot[]) {
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
