import { Codec, FrameKind, frameHeaderBytes } from "@varve/format";
import { describe, expect, test } from "vitest";
import { smallRepository } from "./repair/small-repository.ts";
import { packsIn } from "./repair/woes.ts";

describe("the repository of which every bit is flipped", () => {
	test.each([false, true])(
		"has one of everything and less than 20 KB (copies: %s)",
		async (copies) => {
			const bench = await smallRepository(1, copies);
			try {
				const kinds = new Set<string>(bench.files.map(({ kind }) => kind));
				const plain = ["config", "packs", "segments", "snapshots"];
				const marks = ["labels", "forgotten", "policies", "reserve"];
				const second = ["config", "packs", "snapshots"].map(
					(kind) => `copies/${kind}`,
				);
				expect([...kinds].sort()).toEqual(
					[...plain, ...marks, ...(copies ? second : [])].sort(),
				);
				const packs = await packsIn(await bench.fresh());
				const frames = packs.flatMap(({ id, kind, frames }) => {
					const file = bench.files.find(({ name }) => name === id);
					return frames.map(({ offset, lengths, bases }) => ({
						kind,
						codec: file?.bytes[offset + frameHeaderBytes],
						hasSeveral: lengths.length > 1,
						hasBases: bases.length > 0,
					}));
				});
				const { content, meta } = FrameKind;
				const one = { hasSeveral: false, hasBases: false };
				for (const frame of [
					{ ...one, kind: content, codec: Codec.raw },
					{ ...one, kind: content, codec: Codec.zstd },
					{ ...one, kind: content, codec: Codec.zstd, hasBases: true },
					{ ...one, kind: content, codec: Codec.raw, hasSeveral: true },
					{ ...one, kind: content, codec: Codec.zstd, hasSeveral: true },
					{ ...one, kind: meta, codec: Codec.zstd, hasSeveral: true },
					{ ...one, kind: meta, codec: Codec.zstd, hasBases: true },
				])
					expect(frames).toContainEqual(frame);
				const bytes = bench.files.reduce((sum, f) => sum + f.bytes.length, 0);
				expect(bytes).toBeLessThan(20_000);
			} finally {
				bench.remove();
			}
		},
	);
});
