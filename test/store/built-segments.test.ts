import { mkdtempSync, readdirSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { encodeSegment, type LeaseId, type SegmentPack } from "@varve/format";
import { afterEach, beforeEach, expect, test } from "vitest";
import { BuiltSegments } from "../../packages/store/src/built-segments.ts";
import type { Warning } from "../../packages/store/src/warn.ts";
import { makePack } from "./index-fixture.ts";

let folder: string;
let warnings: Warning[];
const warn = (warning: Warning) => warnings.push(warning);

beforeEach(() => {
	folder = mkdtempSync(join(tmpdir(), "varve-built-"));
	warnings = [];
});
afterEach(() => rmSync(folder, { recursive: true, force: true }));

const packs: readonly SegmentPack[] = [makePack([{ chunks: 3 }])];
const { length } = encodeSegment("0".repeat(32) as LeaseId, packs);

test("segments that several processes build in one folder at once are whole in each of them", async () => {
	for (let round = 0; round < 40; round++) {
		const clients = Array.from(
			{ length: 8 },
			() => new BuiltSegments(join(folder, "adopted"), warn),
		);
		const files = await Promise.all(clients.map((one) => one.replace(packs)));
		for (const file of files) {
			expect(file.size).toBe(length);
			file.close();
		}
	}
	expect(warnings).toEqual([]);
	expect(readdirSync(join(folder, "adopted"))).toHaveLength(1);
});
