import type { Fault } from "./finding.ts";

/** Chunks that faults may name in all: beyond that it is not told which files they hurt. */
const maxChunks = 2_000_000;

/** Gathers what is wrong. */
export class Faults {
	#list: Fault[] = [];
	#chunks = 0;
	/** Some faults cost more chunks than could be kept. */
	isCut = false;

	add(fault: Fault): void {
		const room = maxChunks - this.#chunks;
		const chunks = fault.chunks.slice(0, room);
		this.isCut ||= chunks.length < fault.chunks.length;
		this.#chunks += chunks.length;
		this.#list.push({ ...fault, chunks });
	}

	/** Packs that faults are of. */
	get packs(): ReadonlySet<string> {
		return new Set(this.#list.flatMap(({ pack }) => pack ?? []));
	}

	/** Leaves out what is wrong with these packs. */
	forgive(packs: ReadonlySet<string>): void {
		this.#list = this.#list.filter(
			({ pack }) => pack === undefined || !packs.has(pack),
		);
	}

	get count(): number {
		return this.#list.length;
	}

	/** What was found by following references is left out where a fault of a pack accounts for it. */
	all(): Fault[] {
		const explained = new Set(
			this.#list.flatMap((f) => (f.pack === undefined ? [] : f.chunks)),
		);
		return this.#list.flatMap((fault) => {
			if (fault.pack !== undefined || fault.chunks.length === 0) return fault;
			const chunks = fault.chunks.filter((chunk) => !explained.has(chunk));
			return chunks.length === 0 ? [] : { ...fault, chunks };
		});
	}
}
