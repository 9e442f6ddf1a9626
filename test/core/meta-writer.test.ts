import { defaultParameters, FrameKind } from "@varve/format";
import { createKernel, createToolbox } from "@varve/kernel";
import { expect, test } from "vitest";
import { MetaWriter } from "../../packages/core/src/snapshot/meta-writer.ts";

test("more small objects than a frame may hold go into several frames", async () => {
	const tools = await createToolbox();
	const config = { ...defaultParameters, id: "00".repeat(32), created: "" };
	const kernel = createKernel(tools, { config });
	const file = {
		name: "pack",
		write() {},
		close() {},
		discard() {},
	};
	const meta = new MetaWriter({
		encoder: kernel.encoder("off"),
		packs: kernel.packWriter(FrameKind.meta, () => file),
		lookup: async () => ({
			empty: true,
			find: () => undefined,
			close() {},
		}),
		openFinder: undefined,
		tools,
		frameBytes: 4 * 1024 * 1024,
		dryRun: false,
	});
	const count = 70_000;
	for (let i = 0; i < count; i++) meta.put(Buffer.from(`object ${i}`));
	await meta.finish();
	const frames = meta.packs.flatMap((pack) => pack.frames);
	expect(frames.length).toBeGreaterThan(1);
	expect(frames.reduce((sum, { lengths }) => sum + lengths.length, 0)).toBe(
		count,
	);
});
