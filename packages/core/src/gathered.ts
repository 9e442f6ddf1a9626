import { type Bytes, idBytes } from "@varve/format";

/** Chunks of frames that are taken apart, waiting for a frame of their own; the memory is used again for the next one. */
export class Gathered {
	raw = new Uint8Array(0);
	ids = new Uint8Array(0);
	readonly lengths: number[] = [];
	bytes = 0;

	add(id: Bytes, bytes: Bytes): void {
		const at = this.lengths.length * idBytes;
		this.raw = roomIn(this.raw, this.bytes + bytes.length);
		this.ids = roomIn(this.ids, at + idBytes);
		this.raw.set(bytes, this.bytes);
		this.ids.set(id, at);
		this.lengths.push(bytes.length);
		this.bytes += bytes.length;
	}

	clear(): void {
		this.lengths.length = 0;
		this.bytes = 0;
	}
}

/** Memory for so many bytes, with what was in it. */
function roomIn(memory: Uint8Array<ArrayBuffer>, bytes: number) {
	if (bytes <= memory.length) return memory;
	const larger = new Uint8Array(Math.max(bytes, memory.length * 2, 64 * 1024));
	larger.set(memory);
	return larger;
}
