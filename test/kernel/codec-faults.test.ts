import { FrameKind } from "@varve/format";
import { describe, expect, test } from "vitest";
import { createFrameDecoder } from "../../packages/kernel/src/frame-decoder.ts";
import {
	FrameEncoder,
	type Squeezer,
} from "../../packages/kernel/src/frame-encoder.ts";
import { Compressor, Decompressor } from "../../packages/kernel/src/zstd.ts";
import { pseudoRandom } from "./seeded-bytes.ts";

const decoder = createFrameDecoder(new Decompressor());

/** A compressor of which one output in a thousand has a flipped bit, wherever it may be. */
function faultySqueezer(): Squeezer & { readonly faults: () => number } {
	const inner = new Compressor("fastest");
	const places = pseudoRandom(7, 8192);
	let outputs = 0;
	let faults = 0;
	const spoil = (target: Uint8Array, length: number) => {
		if (++outputs % 1000 !== 0) return length;
		const place =
			((places[faults * 2] as number) * 256 +
				(places[faults * 2 + 1] as number)) %
			length;
		target[place] = (target[place] as number) ^ (1 << (faults % 8));
		faults++;
		return length;
	};
	return {
		faults: () => faults,
		compress: (source, target) => spoil(target, inner.compress(source, target)),
		compressWithDictionary: (dictionary, source, target) =>
			spoil(target, inner.compressWithDictionary(dictionary, source, target)),
	};
}

describe("a codec of which one output in a thousand is wrong (T40)", () => {
	test("puts nothing wrong into 100,000 frames: each is read back before it counts, and stored raw if it differs", () => {
		const squeezer = faultySqueezer();
		const encoder = new FrameEncoder({
			squeezer,
			incompressible: () => false,
			decoder,
		});
		const text = Buffer.from("some text that repeats, some text that ");
		const raw = new Uint8Array(160);
		for (let at = 0; at < raw.length; at++)
			raw[at] = text[at % text.length] as number;
		const view = new DataView(raw.buffer);
		const lengths = Uint32Array.of(100, 60);
		let wrong = 0;
		for (let i = 0; i < 100_000; i++) {
			view.setUint32(40, i);
			const content = { kind: FrameKind.content, raw, lengths, count: 2 };
			const frame = encoder.encode(content);
			const opened = decoder.decode(frame, {
				dictionary: () => new Uint8Array(0),
			});
			if (Buffer.compare(opened.raw, raw) !== 0) wrong++;
		}
		expect(wrong).toBe(0);
		expect(squeezer.faults()).toBe(100);
		// A flip may leave an output that means the same.
		expect(encoder.faults).toBeGreaterThan(90);
		expect(encoder.faults).toBeLessThanOrEqual(100);
	}, 60_000);

	test("ends the run if what is stored raw cannot be read back either", () => {
		const encoder = new FrameEncoder({
			squeezer: faultySqueezer(),
			incompressible: () => false,
			decoder: {
				decode(frame, options) {
					const opened = decoder.decode(frame, options);
					opened.raw[0] = (opened.raw[0] as number) ^ 1;
					return opened;
				},
			},
		});
		const raw = pseudoRandom(3, 5000);
		const lengths = Uint32Array.of(raw.length);
		expect(() =>
			encoder.encode({ kind: FrameKind.content, raw, lengths, count: 1 }),
		).toThrow(expect.objectContaining({ code: "MEMORY_FAULT" }));
	});
});
