import { describe, expect, test } from "vitest";
import {
	formatBytes,
	formatClock,
	formatCount,
	formatCounted,
	formatDuration,
	formatShare,
	parseBytes,
} from "../../packages/cli/src/units.ts";

const MiB = 1024 * 1024;

describe("units", () => {
	test.each([
		[0, "0 B"],
		[1, "1 B"],
		[1023, "1023 B"],
		[1024, "1.0 KiB"],
		[1536, "1.5 KiB"],
		[100 * 1024, "100 KiB"],
		[12.34 * MiB, "12.3 MiB"],
		[456 * 1024 * MiB, "456 GiB"],
		[2 * 1024 * 1024 * MiB, "2.0 TiB"],
		[3000 * 1024 * 1024 * 1024 * MiB, "3000 PiB"],
	])("%d bytes are %s", (bytes, text) => {
		expect(formatBytes(bytes)).toBe(text);
	});

	test.each([
		[0, "0"],
		[999, "999"],
		[1000, "1,000"],
		[1234567, "1,234,567"],
	])("%d is counted as %s", (count, text) => {
		expect(formatCount(count)).toBe(text);
	});

	test("one is singular", () => {
		expect(formatCounted(1, "file")).toBe("1 file");
		expect(formatCounted(2000, "file")).toBe("2,000 files");
		expect(formatCounted(0, "directory", "directories")).toBe("0 directories");
	});

	test.each([
		[0, "0.00 s"],
		[312, "0.31 s"],
		[12_340, "12.3 s"],
		[59_960, "1 min 00 s"],
		[245_000, "4 min 05 s"],
		[3_599_999, "1 h 00 min"],
		[7_380_000, "2 h 03 min"],
		[100 * 3_600_000, "4 d 4 h"],
	])("%d ms take %s", (milliseconds, text) => {
		expect(formatDuration(milliseconds)).toBe(text);
	});

	test.each([
		[0, "0:00"],
		[7_400, "0:07"],
		[754_000, "12:34"],
		[3_723_000, "1:02:03"],
	])("a clock shows %d ms as %s", (milliseconds, text) => {
		expect(formatClock(milliseconds)).toBe(text);
	});

	test.each([
		[0, "0.0 %"],
		[0.0321, "3.2 %"],
		[0.5, "50 %"],
		[1, "100 %"],
	])("a share of %d is %s", (share, text) => {
		expect(formatShare(share)).toBe(text);
	});

	test.each([
		["0", 0],
		["4096", 4096],
		["64k", 65_536],
		["1.5M", 1.5 * MiB],
		["2GiB", 2048 * MiB],
		["2 gb", 2048 * MiB],
		["10B", 10],
		["", undefined],
		["-1", undefined],
		["12 parsecs", undefined],
		["1e9", undefined],
		["99999999999P", undefined],
	])("%j is a size of %s bytes", (text, bytes) => {
		expect(parseBytes(text)).toBe(bytes);
	});
});
