import type { Finding, SnapshotId, VerifyReport } from "@varve/core";
import { describe, expect, test } from "vitest";
import {
	findingFields,
	findingLines,
	verifyAccount,
	verifySummary,
} from "../../packages/cli/src/verify-account.ts";

const snapshot = "3f2a91bc".repeat(8) as SnapshotId;
const finding: Finding = {
	code: "BAD_FRAME",
	message: "a frame of the pack ab12 does not decode",
	file: { kind: "packs", name: "ab12" },
	pack: "ab12" as Finding["pack"],
	chunk: undefined,
	hurt: [{ path: "/etc/\udcff", what: "file", snapshots: [snapshot] }],
	moreHurt: 3,
	snapshots: [snapshot],
};
const report: VerifyReport = {
	level: "data",
	findings: [],
	notes: [],
	notChecked: ["2 of 5 packs"],
	snapshots: 1,
	packs: { listed: 5, read: 3 },
	directories: 1,
	files: 1200,
	proofs: undefined,
	frames: 7,
	chunks: 20,
	bytesRead: 2048,
	bytesProved: 4096,
	duration: 500,
};

describe("the account of a verification", () => {
	test("says what was proved and what was not looked at (T48)", () => {
		expect(verifyAccount(report)).toEqual([
			"no damage found in 0.50 s",
			"  1 snapshot, 5 packs; references followed to 1 directory and 1,200 files; 3 read whole (2.0 KiB), 20 chunks proved (4.0 KiB)",
			"  not checked: 2 of 5 packs",
		]);
	});

	test.each([
		["structure", /references followed to 1 directory and 1,200 files$/],
		[
			"restore-sim",
			/; 20 chunks decoded and proved as a restore would \(4\.0 KiB\)$/,
		],
		["scrub", /; 3 read whole \(2\.0 KiB\), checksums only$/],
	] as const)("of level %s claims no more than was done", (level, words) => {
		expect(verifyAccount({ ...report, level })[1]).toMatch(words);
	});

	test("says how far runs one after the other have come", () => {
		const proofs = {
			unproved: 2,
			unprovedBytes: 2048,
			oldest: Date.UTC(2026, 0, 2, 3, 4, 5),
		};
		expect(verifyAccount({ ...report, proofs }).slice(2, 4)).toEqual([
			"  2 packs (2.0 KiB) not read whole yet, as far as this machine remembers",
			"  the oldest proof is of 2026-01-02 03:04:05 +0000",
		]);
		const done = { ...proofs, unproved: 0 };
		expect(verifyAccount({ ...report, proofs: done })[2]).toBe(
			"  every pack has been read whole before",
		);
		expect(verifySummary({ ...report, proofs })).toMatchObject({
			packs_unproved: 2,
			bytes_unproved: 2048,
			oldest_proof: "2026-01-02T03:04:05.000Z",
		});
	});

	test("names files and snapshots that are hurt", () => {
		expect(findingLines(finding)).toEqual([
			"damaged: a frame of the pack ab12 does not decode",
			"  file /etc/\udcff in 3f2a91bc",
			"  and 3 more paths",
		]);
		const found = { ...report, findings: [finding] };
		expect(verifyAccount(found)[0]).toBe(
			"1 finding; snapshots hurt: 3f2a91bc in 0.50 s",
		);
		expect(verifySummary(found)).toMatchObject({
			num_errors: 1,
			snapshots_hurt: 1,
		});
		expect(findingFields(finding)).toMatchObject({
			code: "BAD_FRAME",
			hurt: [{ path: "/etc/\ufffd", path_b64: "L2V0Yy//" }],
		});
	});

	test("says where nothing is hurt, or a snapshot as a whole", () => {
		const harmless = { ...finding, hurt: [], moreHurt: 0, snapshots: [] };
		expect(findingLines(harmless)[1]).toBe("  nothing that a snapshot needs");
		expect(findingLines({ ...harmless, hasCopy: true })).toHaveLength(1);
		const record = { ...finding, hurt: [], moreHurt: 0 };
		expect(findingLines(record)[1]).toBe("  snapshots 3f2a91bc");
	});

	test("names twenty paths of a finding and counts the others", () => {
		const hurt = Array.from({ length: 30 }, (_, i) => ({
			path: `/f${i}`,
			what: "file" as const,
			snapshots: [snapshot],
		}));
		const lines = findingLines({ ...finding, hurt });
		expect(lines).toHaveLength(22);
		expect(lines.at(-1)).toBe("  and 13 more paths");
	});
});
