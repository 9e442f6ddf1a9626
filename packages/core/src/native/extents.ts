import { type Foreign, loadForeignLibrary } from "./foreign.ts";

const seekData = 3;
const seekHole = 4;

/** Where the content of a file lies, as the file system tells: starts and ends in bytes, one after the other, ascending. */
export type Extents = readonly number[];

/** Asks lseek(2) where files have data. Loads the C library when it is first asked. */
export class ExtentFinder {
	readonly #load: typeof loadForeignLibrary;
	#seek: Foreign | "unknown" | "none" = "unknown";
	#code: () => string = () => "";

	constructor(load = loadForeignLibrary) {
		this.#load = load;
	}

	/** undefined where the system cannot tell, and for more than `most` extents. */
	of(fd: number, size: number, most: number): Extents | undefined {
		if (this.#seek === "unknown") this.#seek = this.#declare();
		const seek = this.#seek;
		if (seek === "none") return undefined;
		const extents: number[] = [];
		for (let at = 0; at < size; ) {
			const start = seek(fd, at, seekData);
			if (start < 0)
				// No data from here on.
				return this.#code() === "ENXIO" ? extents : undefined;
			const end = start < size ? seek(fd, start, seekHole) : size;
			if (start < at || end <= start || extents.length >= 2 * most)
				return start >= size ? extents : undefined;
			extents.push(start, Math.min(end, size));
			at = end;
		}
		return extents;
	}

	#declare(): Foreign | "none" {
		const library = this.#load();
		if (library === undefined) return "none";
		try {
			this.#code = library.code;
			return library.func("int64_t lseek(int fd, int64_t offset, int whence)");
		} catch {
			return "none";
		}
	}
}
