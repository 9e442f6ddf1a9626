import {
	decodeFrameBody,
	dictionaryPrefixBytes,
	FrameKind,
	frameHeaderBytes,
	idBytes,
} from "@varve/format";
import { describe, expect, test } from "vitest";
import { createFrameDecoder } from "../../packages/kernel/src/frame-decoder.ts";
import {
	FrameEncoder,
	type Squeezer,
} from "../../packages/kernel/src/frame-encoder.ts";
import {
	Compressor,
	createProbe,
	Decompressor,
} from "../../packages/kernel/src/zstd.ts";
import { pseudoRandom } from "./seeded-bytes.ts";

const decoder = createFrameDecoder(new Decompressor());

function encoder(squeezer: Squeezer | undefined = new Compressor("auto")) {
	return new FrameEncoder({
		squeezer,
		incompressible: squeezer === undefined ? () => true : createProbe(),
		decoder,
	});
}

function contentOf(raw: Uint8Array) {
	const lengths = Uint32Array.of(raw.length);
	return { kind: FrameKind.content, raw, lengths, count: 1 };
}

function basesOf(bytes: Uint8Array) {
	const dictionary = new Uint8Array(dictionaryPrefixBytes + bytes.length);
	dictionary.set(bytes, dictionaryPrefixBytes);
	return { ids: pseudoRandom(9, idBytes), dictionary };
}

/** The bytes with a few in the middle replaced. */
function edited(bytes: Uint8Array): Uint8Array {
	const copy = bytes.slice();
	copy.set(pseudoRandom(5, 100), bytes.length >>> 1);
	return copy;
}

const former = pseudoRandom(1, 100_000);
const bodyOf = (frame: Uint8Array) =>
	decodeFrameBody(frame.subarray(frameHeaderBytes));

describe("a frame made beside bases", () => {
	test("holds little more than what differs, names the bases and is decoded with them", () => {
		const raw = edited(former);
		const bases = basesOf(former);
		const { frame, based } = encoder().encodeBeside(contentOf(raw), bases);
		expect(based).toBe(true);
		expect(frame.length).toBeLessThan(500);
		expect(bodyOf(frame).bases).toEqual(bases.ids);
		const opened = decoder.decode(frame, {
			dictionary: () => basesOf(former).dictionary,
		});
		expect(Buffer.compare(opened.raw, raw)).toBe(0);
	});

	test("has none where they gain less than two fifths of the plain frame", () => {
		const half = former.slice();
		half.set(pseudoRandom(2, 65_000));
		const { frame, based } = encoder().encodeBeside(
			contentOf(half),
			basesOf(former),
		);
		expect(based).toBe(false);
		expect(bodyOf(frame).bases).toHaveLength(0);
		const more = former.slice();
		more.set(pseudoRandom(2, 55_000));
		const beside = encoder().encodeBeside(contentOf(more), basesOf(former));
		expect(beside.based).toBe(true);
	});

	test("has none where nothing is compressed, and none where there are no bases", () => {
		const raw = edited(former);
		const plain = new FrameEncoder({
			squeezer: undefined,
			incompressible: () => true,
			decoder,
		}).encodeBeside(contentOf(raw), basesOf(former));
		expect(plain.based).toBe(false);
		const none = encoder().encodeBeside(contentOf(raw), {
			ids: new Uint8Array(0),
			dictionary: new Uint8Array(dictionaryPrefixBytes),
		});
		expect(none.based).toBe(false);
	});

	test("T40: is stored without them if it cannot be read back with them", () => {
		const sound = new Compressor("auto");
		const faulty: Squeezer = {
			compress: (source, target) => sound.compress(source, target),
			compressWithDictionary(dictionary, source, target) {
				const wrong = source.slice();
				wrong[10] = (wrong[10] as number) ^ 1;
				return sound.compressWithDictionary(dictionary, wrong, target);
			},
		};
		const made = encoder(faulty);
		const raw = edited(former);
		const { frame, based } = made.encodeBeside(contentOf(raw), basesOf(former));
		expect(based).toBe(false);
		expect(made.faults).toBe(1);
		const opened = decoder.decode(frame, {
			dictionary: () => basesOf(former).dictionary,
		});
		expect(Buffer.compare(opened.raw, raw)).toBe(0);
	});
});
