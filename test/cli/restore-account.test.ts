import type { RestoreReport, SnapshotId } from "@varve/core";
import { describe, expect, test } from "vitest";
import {
	restoreAccount,
	restoreExitCode,
	restoreSummary,
} from "../../packages/cli/src/restore-account.ts";

const whole: RestoreReport = {
	snapshot: "3f2a91bc".repeat(8) as SnapshotId,
	target: "/tmp/t",
	dryRun: false,
	directories: 2,
	files: 1000,
	symlinks: 1,
	hardLinks: 0,
	others: 0,
	bytes: 2048,
	verified: undefined,
	problems: [],
	notRestored: {},
	notes: [],
	duration: 1500,
};
const problem = { path: "/a", reason: "EACCES", message: "no" };

describe("the account of a restore", () => {
	test("says what was restored and where", () => {
		expect(restoreAccount(whole)).toEqual([
			"restored 3f2a91bc into /tmp/t",
			"  1,000 files, 2 directories, 1 symlink, 2.0 KiB in 1.50 s",
		]);
		expect(restoreAccount({ ...whole, dryRun: true })[0]).toMatch(
			/^would restore/,
		);
	});

	test("says what was proved, what was lost, and what went wrong", () => {
		const report: RestoreReport = {
			...whole,
			verified: { files: 1000, bytes: 2048 },
			notRestored: { "owners and groups": 12 },
			problems: [
				{ ...problem, kind: "unwritten" },
				{ ...problem, kind: "unfaithful" },
				{ ...problem, kind: "unfaithful" },
			],
		};
		expect(restoreAccount(report).slice(2)).toEqual([
			"  read back and found equal: 1,000 files, 2.0 KiB",
			"  not given back: owners and groups (12)",
			"  1 entry could not be written",
			"  2 entries not exactly as they were",
		]);
		expect(restoreSummary(report)).toMatchObject({
			outcome: "unfaithful",
			error_count: 3,
			files_verified: 1000,
		});
	});

	const nothing = { ...whole, files: 0, directories: 0, symlinks: 0 };
	test.each([
		[whole, 0],
		[{ ...whole, problems: [{ ...problem, kind: "unfaithful" }] }, 6],
		[{ ...whole, problems: [{ ...problem, kind: "damaged" }] }, 4],
		[nothing, 6],
	] as const)("case %# ends with %$", (report, code) => {
		expect(restoreExitCode(report)).toBe(code);
	});

	test("says so where nothing matched (T47)", () => {
		expect(restoreAccount(nothing).at(-1)).toBe(
			"  nothing matched what was asked for",
		);
	});
});
