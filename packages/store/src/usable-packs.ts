import type { ListedFile } from "./backend.ts";
import type { Listing } from "./repository-index.ts";
import type { Warn } from "./warn.ts";

/** Sorts the packs of a listing by what segments say of them. */
export class UsablePacks {
	/** Size by id, of those that a segment names and that have the size it tells. */
	readonly usable = new Map<string, number>();
	readonly #listed = new Map<string, number>();
	readonly #wrongSize = new Set<string>();
	readonly #condemned: ReadonlySet<string>;
	readonly #missing = new Set<string>();

	constructor({ packs, condemned }: Pick<Listing, "packs" | "condemned">) {
		this.#condemned = condemned;
		for (const { name, size } of packs)
			if (!condemned.has(name)) this.#listed.set(name, size);
	}

	/** A segment names this pack, and tells its size. */
	name(pack: { readonly id: string; readonly size: number }): void {
		const listed = this.#listed.get(pack.id);
		if (listed === undefined) {
			if (!this.#condemned.has(pack.id)) this.#missing.add(pack.id);
			return;
		}
		if (listed === pack.size) this.usable.set(pack.id, pack.size);
		else this.#wrongSize.add(pack.id);
	}

	/** Those that segments name and that are not there, or not whole, though no gc condemned them. */
	lost(): string[] {
		const wrong = [...this.#wrongSize].filter((id) => !this.usable.has(id));
		return [...this.#missing, ...wrong];
	}

	/** Those that no segment has named. */
	unnamed(): ListedFile[] {
		const files: ListedFile[] = [];
		for (const [name, size] of this.#listed)
			if (!this.usable.has(name) && !this.#wrongSize.has(name))
				files.push({ name, size });
		return files;
	}

	/** Of packs whose size is not what segments tell: they count as absent, so that what was in them is stored again. */
	warnOfWrongSizes(warn: Warn): void {
		for (const name of this.#wrongSize)
			if (!this.usable.has(name))
				warn({
					code: "BAD_PACK",
					message: `packs/${name} has not the size it was written with: it counts as absent`,
				});
	}
}
