import { describe, expect, test } from "vitest";
import {
	parseException,
	retentionOf,
	saysPolicy,
} from "../../packages/cli/src/policy-flags.ts";

describe("flags of a policy", () => {
	test("become rules of the same names, and nothing else does", () => {
		const flags = {
			keepLast: 3,
			keepHourly: -1,
			keepWithin: "1y5m7d2h",
			keepWithinMonthly: "2y",
			keepTag: ["a,b", ""],
			groupBy: ["host"],
			dryRun: true,
		};
		expect(retentionOf(flags)).toEqual({
			groupBy: ["host"],
			policy: {
				keepLast: 3,
				keepHourly: -1,
				keepWithin: "1y5m7d2h",
				keepWithinMonthly: "2y",
				keepTags: ["a,b", ""],
			},
			exceptions: [],
		});
		expect(saysPolicy(flags)).toBe(true);
		expect(saysPolicy({ groupBy: [] })).toBe(false);
	});

	test("without any, snapshots of a host and its paths are judged together, and all are if nothing is to be grouped by", () => {
		expect(retentionOf({})).toEqual({
			groupBy: ["host", "paths"],
			policy: {},
			exceptions: [],
		});
		expect(retentionOf({ groupBy: [] }).groupBy).toEqual([]);
	});

	test("--for has snapshots and rules; what it says may have spaces in it", () => {
		expect(
			parseException(
				"path=/srv/my templates path=/b tag=a,b host=x keep-last=2 keep-tag=c keep-tag= keep-within-daily=7d",
			),
		).toEqual({
			hosts: ["x"],
			paths: ["/srv/my templates", "/b"],
			tags: ["a,b"],
			policy: { keepLast: 2, keepTags: ["c", ""], keepWithinDaily: "7d" },
		});
		for (const text of ["tag=a keep-forever=1", "tag=a keep-last=x", ""])
			expect(() => parseException(text)).toThrow(
				expect.objectContaining({ code: "BAD_POLICY" }),
			);
	});
});
