import type { FinishReport, OntoReport, PlanLine } from "@varve/core";
import { describe, expect, test } from "vitest";
import {
	finishAccount,
	finishExitCode,
	ontoAccount,
	ontoExitCode,
	ontoSummary,
	planFields,
	planLine,
} from "../../packages/cli/src/onto-account.ts";

const line: PlanLine = {
	path: "/srv/a",
	action: "update",
	conflict: undefined,
	changes: ["content", "mtime"],
	bytes: 2048,
	removes: 0,
	beside: undefined,
};

const report: OntoReport = {
	snapshot: "ab".repeat(32) as OntoReport["snapshot"],
	target: "/srv",
	dryRun: false,
	directories: 0,
	files: 2,
	symlinks: 0,
	hardLinks: 0,
	others: 0,
	bytes: 2048,
	verified: undefined,
	problems: [],
	notRestored: {},
	notes: [],
	duration: 1000,
	sums: {
		unchanged: 7,
		create: 1,
		update: 1,
		replace: 0,
		metadata: 0,
		delete: 3,
		conflict: 0,
		keep: 0,
		"keep-both": 0,
	},
	failed: 0,
	journal: "/srv/.varve-restore-1",
};

const problem = {
	path: "/srv/x",
	kind: "unwritten",
	reason: "EPERM",
	message: "EPERM",
} as const;

describe("the plan of a restore onto what is there", () => {
	test("says of each entry what differs, and how much is written", () => {
		expect(planLine(line)).toBe("update     /srv/a  (content, mtime; 2.0 KiB)");
		expect(
			planLine({
				...line,
				action: "delete",
				changes: [],
				bytes: 0,
				removes: 4,
			}),
		).toBe("delete     /srv/a  (4 entries go)");
		expect(
			planLine({
				...line,
				action: "keep-both",
				conflict: "newer",
				beside: "/srv/a.varve-1",
			}),
		).toContain("changed after the snapshot; 2.0 KiB; as /srv/a.varve-1");
	});

	test("has words without hyphens for programs", () => {
		expect(planFields({ ...line, action: "keep-both" })).toMatchObject({
			action: "keep_both",
			path: "/srv/a",
		});
	});
});

describe("the account of a restore onto what is there", () => {
	test("counts what was done, and says how it is taken back", () => {
		expect(ontoAccount(report)).toEqual([
			"restored abababab onto /srv",
			"  1 created, 1 updated, 3 deleted, 7 as they were",
			"  2.0 KiB written in 1.00 s",
			"  varve undo takes it back",
		]);
		expect(ontoExitCode(report)).toBe(0);
	});

	test("counts what was not done apart from what was, for people and programs", () => {
		const notes = ["the snapshot lacks 1 entry"];
		const some = { ...report, failed: 2, notes, problems: [problem, problem] };
		expect(ontoAccount(some)).toContain(
			"  1 created, 1 updated, 3 deleted, 2 failed, 7 as they were",
		);
		expect(ontoSummary(some)).toMatchObject({ entries_failed: 2, notes });
		expect(ontoAccount({ ...some, dryRun: true }).join()).toContain(
			"2 that would fail",
		);
	});

	test("ends with 6 where something is not as in the snapshot, or nothing matched, and with 4 where it is damaged", () => {
		expect(ontoExitCode({ ...report, problems: [problem] })).toBe(6);
		const none = {
			...report.sums,
			unchanged: 0,
			create: 0,
			update: 0,
			delete: 0,
		};
		expect(ontoExitCode({ ...report, sums: none })).toBe(6);
		const damaged = { ...problem, kind: "damaged" } as const;
		expect(ontoExitCode({ ...report, problems: [damaged] })).toBe(4);
	});
});

describe("the account of one that was finished or taken back", () => {
	const finished: FinishReport = {
		outcome: "undone",
		path: "/srv",
		snapshot: report.snapshot,
		steps: 5,
		problems: [],
		journal: undefined,
	};

	test("says what was done", () => {
		expect(finishAccount(finished)).toEqual([
			"took back the restore of abababab in /srv",
		]);
		expect(finishExitCode(finished)).toBe(0);
	});

	test("says where what could not be put back is kept", () => {
		const left = { ...finished, problems: [problem], journal: "/srv/.varve-1" };
		expect(finishAccount(left).join("\n")).toContain("/srv/.varve-1");
		expect(finishExitCode(left)).toBe(6);
	});
});
