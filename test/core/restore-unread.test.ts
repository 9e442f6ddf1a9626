import type { Unread } from "@varve/format";
import { describe, expect, test } from "vitest";
import type { Location } from "../../packages/core/src/restore/locate.ts";
import { createSelection } from "../../packages/core/src/restore/selection.ts";
import { unreadNotes } from "../../packages/core/src/restore/unread-notes.ts";

const unread: readonly Unread[] = [
	{ path: "/s/closed", reason: "EACCES" },
	{ path: "/s/deep/cannot.log", reason: "EACCES" },
	{ path: "/s/deep/gone", reason: "DAMAGED" },
	{ path: "/s/torn", reason: "CHANGED" },
	{ path: "/sister", reason: "EIO" },
];

function notes(
	prefix: string,
	{
		exclude = [],
		include = [],
	}: { exclude?: string[]; include?: string[] } = {},
): string[] {
	const location: Location = { prefix, found: [] };
	const selection = createSelection({ include, exclude });
	return unreadNotes({ unread }, { location, selection }).map((note) =>
		note.replace(/: varve show names (it|them)$/, ""),
	);
}

const lacks = (entries: string) =>
	`the snapshot lacks ${entries} that could not be read when it was taken`;

describe("what is said of a snapshot that is not whole", () => {
	test("tells what could not be read from what was lost, and from what changed", () => {
		expect(notes("")).toEqual([
			lacks("3 entries"),
			"the snapshot lacks 1 entry that had been lost when it was repaired",
			"the snapshot has 1 entry that changed while being read",
		]);
	});

	test("counts only what lies in what is restored", () => {
		expect(notes("/s/deep")[0]).toBe(lacks("1 entry"));
		expect(notes("/sister")).toEqual([lacks("1 entry")]);
		expect(notes("/s/other")).toEqual([]);
	});

	test("counts nothing that is excluded, or not included", () => {
		expect(notes("/s", { exclude: ["deep"] })[0]).toBe(lacks("1 entry"));
		expect(notes("", { include: ["*.log"] })).toEqual([lacks("1 entry")]);
		expect(notes("", { include: ["deep"] })[0]).toBe(lacks("1 entry"));
	});

	test("counts a single entry that is restored by its own path only", () => {
		const found = [{ type: "entry", path: "/s/torn" }] as never;
		const location = { prefix: "/s", found };
		const selection = createSelection({ include: [], exclude: [] });
		expect(unreadNotes({ unread }, { location, selection })).toEqual([
			expect.stringContaining("has 1 entry that changed"),
		]);
	});
});
