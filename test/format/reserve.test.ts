import { reserveBytesFor } from "@varve/format";
import { describe, expect, test } from "vitest";

describe("the reserve", () => {
	test.each([
		[0, 128],
		[16, 128],
		[17, 256],
		[48, 256],
		[49, 512],
		[112, 512],
		[113, 1024],
		[100_000, 1024],
	])("has for %i snapshots %i KiB", (snapshots, kib) => {
		expect(reserveBytesFor(snapshots)).toBe(kib * 1024);
	});

	test("has a block for the mark of each snapshot, and sixteen for other files, up to 240", () => {
		for (let snapshots = 0; snapshots <= 240; snapshots++)
			expect(reserveBytesFor(snapshots)).toBeGreaterThanOrEqual(
				(16 + snapshots) * 4096,
			);
	});
});
