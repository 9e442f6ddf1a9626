import type { Observer, VerbName } from "./events.ts";

export interface Totals {
	/** undefined while it is not known. */
	readonly files: number | undefined;
	readonly bytes: number | undefined;
}

/** Counts what is done of a phase and tells the observer: call it once for many files. */
export class Progress {
	readonly #observer: Observer;
	readonly #verb: VerbName;
	#phase = "";
	#totals: Totals = { files: undefined, bytes: undefined };
	#files = 0;
	#bytes = 0;
	#errors = 0;

	constructor(observer: Observer, verb: VerbName) {
		this.#observer = observer;
		this.#verb = verb;
	}

	begin(phase: string, totals: Totals): void {
		this.#phase = phase;
		this.#totals = totals;
		this.#files = 0;
		this.#bytes = 0;
		this.add(0, 0, undefined);
	}

	addErrors(count: number): void {
		this.#errors += count;
	}

	/** `current` is a path being worked on. */
	add(files: number, bytes: number, current: string | undefined): void {
		this.#files += files;
		this.#bytes += bytes;
		this.#observer.on({
			type: "step",
			verb: this.#verb,
			step: {
				phase: this.#phase,
				files: this.#files,
				bytes: this.#bytes,
				totalFiles: this.#totals.files,
				totalBytes: this.#totals.bytes,
				fraction: this.#fraction(),
				current,
				errors: this.#errors,
			},
		});
	}

	/** By bytes, or by files where there are no bytes. */
	#fraction(): number | undefined {
		const { files, bytes } = this.#totals;
		if (bytes !== undefined && bytes > 0)
			return Math.min(1, this.#bytes / bytes);
		if (files !== undefined && files > 0)
			return Math.min(1, this.#files / files);
		return undefined;
	}
}
