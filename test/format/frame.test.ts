import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { crc32 } from "../../packages/format/src/crc32.ts";
import {
	ByteWriter,
	Codec,
	decodeFrameBody,
	decodeFrameHeader,
	encodeFrameBodyHead,
	encodeFrameHeader,
	type FrameBody,
	FrameKind,
	frameHeaderBytes,
	looksLikeFrame,
	maxFrameRaw,
	maxFrameStored,
} from "../../packages/format/src/index.ts";
import { anyBytes, few, many } from "./arbitraries.ts";
import { readFrame } from "./golden.ts";
import { deltaFrame, rawFrame, zstdFrame } from "./samples.ts";
import {
	expectAllRefused,
	expectCanonical,
	expectRefusedCheaply,
	expectSturdy,
} from "./sturdy.ts";

const body = (frame: Uint8Array) => frame.slice(frameHeaderBytes);

/** A header of these bytes with the right checksum, whatever they say. */
function headerOf(bytes: {
	kind: number;
	flags?: number;
	unused?: number;
	storedLength?: number;
}): Uint8Array {
	const header = new Uint8Array(frameHeaderBytes);
	const view = new DataView(header.buffer);
	header.set(Buffer.from("VFRM"));
	header[4] = bytes.kind;
	header[5] = bytes.flags ?? 0;
	view.setUint16(6, bytes.unused ?? 0, true);
	view.setUint32(8, bytes.storedLength ?? 1, true);
	view.setUint32(12, crc32(header, 0, 12), true);
	return header;
}

function encodeBody({ codec, bases, lengths, payload }: FrameBody) {
	const w = new ByteWriter();
	encodeFrameBodyHead(w, { codec, bases, lengths, count: lengths.length });
	w.bytes(payload);
	return w.finish();
}
const bodyCodec = { decode: decodeFrameBody, encode: encodeBody };

describe("frame headers", () => {
	test("any header comes back, at any place", () => {
		const kinds = fc.constantFrom(1, 2, 3);
		fc.assert(
			fc.property(
				kinds,
				fc.boolean(),
				fc.nat(maxFrameStored),
				fc.nat(50),
				(kind, sealed, storedLength, at) => {
					const bytes = new Uint8Array(at + frameHeaderBytes + 3).fill(0xaa);
					const header = { kind: kind as FrameKind, sealed, storedLength };
					encodeFrameHeader(bytes, at, header);
					expect(looksLikeFrame(bytes, at)).toBe(true);
					expect(decodeFrameHeader(bytes, at)).toEqual(header);
					expect(bytes.subarray(at + frameHeaderBytes)).toEqual(
						new Uint8Array(3).fill(0xaa),
					);
				},
			),
			few,
		);
	});

	test("T04 with any byte changed or cut off there is no header", () => {
		const header = headerOf({ kind: 1 });
		for (let length = 0; length < header.length; length++)
			expect(looksLikeFrame(header.subarray(0, length), 0)).toBe(false);
		for (let at = 0; at < header.length; at++)
			for (let bit = 0; bit < 8; bit++) {
				const changed = header.slice();
				changed[at] = (changed[at] as number) ^ (1 << bit);
				expect(looksLikeFrame(changed, 0)).toBe(false);
				expect(() => decodeFrameHeader(changed, 0)).toThrow("no frame");
			}
	});

	test("outside the bytes there is no header", () => {
		const header = headerOf({ kind: 1 });
		for (const at of [-1, -16, 1, 16, 1e9])
			expect(looksLikeFrame(header, at)).toBe(false);
	});

	test("a frame is found among other bytes by its header", () => {
		const bytes = Buffer.concat([Buffer.from("VFRMVFRM"), rawFrame, rawFrame]);
		const found = [...bytes.keys()].filter((at) => looksLikeFrame(bytes, at));
		expect(found).toEqual([8, 8 + rawFrame.length]);
	});

	test.each([
		["frame-4-0", { kind: 4 }],
		["frame-0-0", { kind: 0 }],
		["frame-1-2", { kind: 1, flags: 2 }],
		["frame-2-129", { kind: 2, flags: 129 }],
		["frame-3-0", { kind: 3, unused: 256 }],
	])("%s: an UnsupportedError that names it", (feature, of) => {
		expect(() => decodeFrameHeader(headerOf(of), 0)).toThrow(
			expect.objectContaining({
				name: "UnsupportedError",
				details: { feature },
			}),
		);
	});

	test("T97 a header that names 4 GiB is refused, but for directories", () => {
		const storedLength = 0xffff_ffff;
		for (const kind of [FrameKind.content, FrameKind.meta])
			expect(() =>
				decodeFrameHeader(headerOf({ kind, storedLength }), 0),
			).toThrow("names 4294967295");
		const directory = headerOf({ kind: FrameKind.directory, storedLength });
		expect(decodeFrameHeader(directory, 0).storedLength).toBe(storedLength);
	});
});

describe("frame bodies", () => {
	test("any body comes back", () => {
		const lengths = fc.array(fc.integer({ min: 1, max: 100_000 }), {
			minLength: 1,
			maxLength: 50,
		});
		const payload = fc.uint8Array({ minLength: 1, maxLength: 100 });
		fc.assert(
			fc.property(lengths, payload, fc.nat(3), (all, stored, bases) => {
				const bytes = {
					codec: Codec.zstd,
					bases: new Uint8Array(32 * bases).fill(bases),
					lengths: Uint32Array.from(all),
					rawLength: all.reduce((sum, length) => sum + length, 0),
					payload: stored,
				};
				expect(decodeFrameBody(encodeBody(bytes))).toEqual(bytes);
			}),
			few,
		);
	});

	test.each([
		["raw", rawFrame],
		["zstd", zstdFrame],
		["delta", deltaFrame],
	])(
		"T04 the %s frame with any byte changed or cut off is refused, or has another body",
		(_, frame) => {
			expectSturdy(bodyCodec, body(frame));
		},
	);

	test("T04 a whole frame cut off or longer than its header says is refused", () => {
		for (let length = 0; length < rawFrame.length; length++)
			expect(() => readFrame(rawFrame.subarray(0, length))).toThrow();
		expectAllRefused(readFrame, rawFrame.subarray(0, 17));
	});

	test("T04 whatever the bytes are, they are refused or are a body", () => {
		fc.assert(
			fc.property(anyBytes(80), (bytes) => expectCanonical(bodyCodec, bytes)),
			many,
		);
	});

	const noBases = new Uint8Array(0);
	const headOf = (
		head: {
			codec?: number;
			bases?: number;
			lengths: readonly number[];
			count?: number;
		},
		payload = "",
	) => {
		const w = new ByteWriter();
		w.u8(head.codec ?? 1);
		w.varint(head.bases ?? 0);
		w.varint(head.count ?? head.lengths.length);
		for (const length of head.lengths) w.varint(length);
		w.bytes(Buffer.from(payload));
		return w.finish();
	};

	test.each([
		["no chunk", headOf({ lengths: [] }, "x")],
		["a chunk of no bytes", headOf({ lengths: [0] }, "x")],
		["no payload", headOf({ lengths: [1] })],
		["a raw payload too short", headOf({ codec: 0, lengths: [2] }, "x")],
		["a raw payload too long", headOf({ codec: 0, lengths: [2] }, "xyz")],
		["65,536 chunks", headOf({ lengths: Array(65_536).fill(1) }, "x")],
		[
			"65,536 bases",
			Buffer.concat([
				Uint8Array.of(1, 0x80, 0x80, 4),
				new Uint8Array(65_536 * 32),
				Uint8Array.of(1, 1, 1),
			]),
		],
		[
			"bases of a raw frame",
			Buffer.concat([
				Uint8Array.of(0, 1),
				new Uint8Array(32),
				Uint8Array.of(1, 1, 65),
			]),
		],
	])("%s: a CorruptError", (_, bytes) => {
		expect(() => decodeFrameBody(bytes)).toThrow(
			expect.objectContaining({ name: "CorruptError" }),
		);
	});

	test.each([2, 3, 255])(
		"codec %d: an UnsupportedError that names it",
		(codec) => {
			expect(() =>
				decodeFrameBody(headOf({ codec, lengths: [1] }, "x")),
			).toThrow(
				expect.objectContaining({
					name: "UnsupportedError",
					details: { feature: `codec-${codec}` },
				}),
			);
		},
	);

	test("T97 64 MiB of raw bytes are accepted", () => {
		const frame = decodeFrameBody(
			headOf({ lengths: [maxFrameRaw - 1, 1] }, "x"),
		);
		expect(frame.rawLength).toBe(maxFrameRaw);
		expect(frame.bases).toEqual(noBases);
	});

	test.each([
		["64 MiB and a byte", headOf({ lengths: [maxFrameRaw, 1] }, "x")],
		["2^53 - 1 bytes", headOf({ lengths: [Number.MAX_SAFE_INTEGER] }, "x")],
		[
			"2^53 - 1 bytes in many chunks",
			headOf({ lengths: Array(60_000).fill(2 ** 37) }, "x"),
		],
		["2^63 bytes", Buffer.from("010001ffffffffffffffff7f78", "hex")],
		[
			"2^53 - 1 chunks",
			headOf({ lengths: [1, 1], count: Number.MAX_SAFE_INTEGER }, "x"),
		],
		[
			"2^53 - 1 bases",
			headOf({ bases: Number.MAX_SAFE_INTEGER, lengths: [1] }, "x"),
		],
		[
			"60,000 chunks in a few bytes",
			headOf({ lengths: [1, 1], count: 60_000 }, "x"),
		],
	])(
		"T97 a frame that claims %s is refused before anything is made for it",
		(_, bytes) => {
			expectRefusedCheaply(decodeFrameBody, bytes);
		},
	);
});
