import {
	type SnapshotId,
	type SnapshotResult,
	type Statistics,
	wholeScope,
} from "@varve/core";
import { describe, expect, test } from "vitest";
import {
	snapshotAccount,
	type Taking,
} from "../../packages/cli/src/snapshot-account.ts";
import { fakeSurroundings } from "./fake-surroundings.ts";

const statistics: Statistics = {
	files: 4532,
	directories: 312,
	symlinks: 3,
	others: 0,
	bytes: 100_900_000,
	filesNew: 32,
	filesChanged: 500,
	filesUnmodified: 4000,
	directoriesNew: 0,
	directoriesChanged: 12,
	directoriesUnmodified: 300,
	chunksAdded: 40,
	bytesAdded: 5_000_000,
	bytesStored: 1_000_000,
	duration: 1234,
};

const result: SnapshotResult = {
	id: "3f2a91bc".repeat(8) as SnapshotId,
	skipped: false,
	vanished: 0,
	excluded: 0,
	record: {
		time: "2026-11-19T14:00:00.000+01:00",
		host: "host",
		user: "anna",
		roots: ["/usr/share/doc", "/it's"].map((path) => ({
			path,
			kind: "directory" as const,
			tree: "00".repeat(32) as never,
			mode: 0o755,
			uid: 0,
			gid: 0,
			mtime: 0,
			mtimeNs: 0,
			xattrs: [],
		})),
		links: undefined,
		scan: undefined,
		parent: undefined,
		scope: wholeScope,
		tags: [],
		pin: false,
		note: "",
		program: "varve 0",
		statistics,
		unread: [],
		kept: [],
		notKept: {},
		users: {},
		groups: {},
		provenance: {},
		known: { count: 0, hash: "" },
		features: [],
	},
};

const taking: Taking = {
	result,
	found: { location: "/srv/two words", origin: "flag" },
	made: false,
	dryRun: false,
};

const lines = (changes: Partial<Taking>) =>
	snapshotAccount({ ...taking, ...changes }, fakeSurroundings());

describe("the account of a snapshot", () => {
	test("says how little was added, the id, and how to restore it, ready to be typed", () => {
		expect(lines({})).toEqual([
			"snapshot 3f2a91bc of /usr/share/doc, /it's",
			"  holds   4,532 files, 312 directories, 3 other entries, 96.2 MiB",
			"  files   32 new, 500 changed, 4,000 unmodified",
			"  added   977 KiB (4.8 MiB before compression) in 1.23 s",
			"restore it: varve restore -r '/srv/two words' 3f2a91bc -t restored-3f2a91bc",
		]);
	});

	test("names a repository that nobody named, and one that was made", () => {
		const found = { location: "/d", origin: "default" as const };
		expect(lines({ found })[0]).toBe("repository /d");
		expect(lines({ found, made: true })[0]).toBe("made the repository /d");
		expect(lines({ found }).at(-1)).toBe(
			"restore it: varve restore 3f2a91bc -t restored-3f2a91bc",
		);
	});

	test("does not call whole what is not, and does not worry about what vanished", () => {
		const record = {
			...result.record,
			unread: [{ path: "/a", reason: "EACCES" }],
			notKept: { xattrs: 1200 },
		};
		const text = lines({ result: { ...result, record, vanished: 2 } });
		expect(text).toContain(
			"  not whole: 1 entry could not be read, or changed while being read",
		);
		expect(text).toContain(
			"  1,200 entries have extended attributes, ACLs or capabilities, which could not be read: not kept, see docs/platforms.md",
		);
		expect(text).toContain(
			"  2 entries vanished meanwhile, which is no failure",
		);
	});

	test("of a dry run promises nothing", () => {
		const text = lines({ dryRun: true, result: { ...result, id: undefined } });
		expect(text[0]).toBe("a snapshot of /usr/share/doc, /it's would hold:");
		expect(text.join("\n")).not.toContain("restore");
		expect(text.join("\n")).toContain("4.8 MiB before compression; looked in");
	});

	test("of a skipped one says why", () => {
		const skipped = { ...result, id: undefined, skipped: true };
		expect(lines({ result: skipped })[0]).toBe(
			"no snapshot of /usr/share/doc, /it's: nothing has changed",
		);
	});
});
