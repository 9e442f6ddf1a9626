import type { Bytes } from "@varve/format";

const smallestBuffer = 4 * 1024;

/** A power of two, or that and a quarter: frames are a little longer than they are meant to be. */
function roomFor(length: number): number {
	let size = smallestBuffer;
	while (size * 1.25 < length) size *= 2;
	return size < length ? size * 1.25 : size;
}

/** Decoded frames, the last used ones up to `limit` bytes of buffers, which go from frame to frame: memory does not grow by garbage. */
export class FramePool<F extends { readonly buffer: Bytes }> {
	readonly #limit: number;
	readonly #frames = new Map<string, F>();
	readonly #spare: Bytes[] = [];
	/** Bytes of all buffers, in use and spare. */
	#held = 0;

	constructor(limit: number) {
		this.#limit = limit;
	}

	has(key: string): boolean {
		return this.#frames.has(key);
	}

	/** The frame, which becomes the one used last. */
	find(key: string): F | undefined {
		const frame = this.#frames.get(key);
		if (frame === undefined) return undefined;
		this.#frames.delete(key);
		this.#frames.set(key, frame);
		return frame;
	}

	keep(key: string, frame: F): void {
		this.#frames.set(key, frame);
	}

	/** Takes back a buffer that no frame came to lie in. */
	giveBack(buffer: Bytes): void {
		this.#spare.push(buffer);
	}

	/** A buffer for `length` bytes: a spare one, or a new one while there is room, or that of the frame used longest ago. */
	take(length: number): Bytes {
		const size = roomFor(length);
		for (;;) {
			const isFull = this.#held + size > this.#limit;
			const spare = this.#takeSpare(size, isFull);
			if (spare !== undefined) return spare;
			if (!isFull || (!this.#evictOldest() && !this.#dropSpare())) {
				this.#held += size;
				return new Uint8Array(size);
			}
		}
	}

	/** Of this size; where there is no room for more, a larger one is better than none. */
	#takeSpare(size: number, isFull: boolean): Bytes | undefined {
		const index = this.#spare.findIndex(({ length }) =>
			isFull ? length >= size : length === size,
		);
		return index < 0 ? undefined : this.#spare.splice(index, 1)[0];
	}

	#dropSpare(): boolean {
		const spare = this.#spare.pop();
		this.#held -= spare?.length ?? 0;
		return spare !== undefined;
	}

	#evictOldest(): boolean {
		for (const [key, frame] of this.#frames) {
			this.#frames.delete(key);
			this.#spare.push(frame.buffer);
			return true;
		}
		return false;
	}
}
