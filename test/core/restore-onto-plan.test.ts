import { utf8 } from "@varve/format";
import fc from "fast-check";
import { describe, expect, test } from "vitest";
import {
	besideNames,
	type Difference,
	decide,
	type Policy,
	resolve,
} from "../../packages/core/src/restore/onto/decide.ts";
import {
	decodeHeader,
	decodeJournal,
	encodeHeader,
	encodeJournal,
	type Journal,
	type Step,
} from "../../packages/core/src/restore/onto/journal.ts";

const taken = 1_000n;
const always: Policy = {
	overwrite: "always",
	onConflict: undefined,
	delete: false,
	taken,
};
const equal: Difference = {
	changes: [],
	wantedTime: 500n,
	liveTime: 500n,
	isFilled: false,
	isDirectory: false,
};
const edited: Difference = { ...equal, changes: ["content", "mtime"] };
const chmodded: Difference = { ...equal, changes: ["mode"] };
const retyped: Difference = { ...equal, changes: ["type"] };
const laterEdited: Difference = { ...edited, liveTime: 2_000n };

describe("what a restore does about one entry", () => {
	test.each([
		["an equal one is left alone", equal, {}, "unchanged", undefined],
		["other content is an update", edited, {}, "update", undefined],
		["other attributes are only that", chmodded, {}, "metadata", undefined],
		["another kind is replaced", retyped, {}, "replace", "kind"],
		[
			"what was changed after the snapshot is a conflict, and overwritten unless said otherwise",
			laterEdited,
			{},
			"update",
			"newer",
		],
		[
			"a conflict can be skipped",
			laterEdited,
			{ onConflict: "skip" },
			"conflict",
			"newer",
		],
		[
			"a conflict can wait for an answer",
			laterEdited,
			{ onConflict: "ask" },
			"conflict",
			"newer",
		],
		[
			"a conflict can keep both",
			retyped,
			{ onConflict: "keep-both" },
			"keep-both",
			"kind",
		],
		[
			"what differs and is older than the snapshot is no conflict",
			edited,
			{ onConflict: "skip" },
			"update",
			undefined,
		],
		[
			"attributes alone are no conflict",
			{ ...chmodded, liveTime: 2_000n },
			{ onConflict: "skip" },
			"metadata",
			undefined,
		],
		[
			"a directory with something in it does not give way",
			{ ...retyped, isFilled: true },
			{},
			"conflict",
			"filled",
		],
		[
			"a directory with something in it gives way where deleting was asked for",
			{ ...retyped, isFilled: true },
			{ delete: true },
			"replace",
			"filled",
		],
		[
			"a directory with something in it gives way where overwriting was said",
			{ ...retyped, isFilled: true },
			{ onConflict: "overwrite" },
			"replace",
			"filled",
		],
		["never keeps what is there", edited, { overwrite: "never" }, "keep"],
		[
			"if-newer keeps what is as new as the snapshot's",
			edited,
			{ overwrite: "if-newer" },
			"keep",
		],
		[
			"if-newer takes what is newer in the snapshot",
			{ ...edited, wantedTime: 501n },
			{ overwrite: "if-newer" },
			"update",
		],
	] as const)("%s", (_, difference, policy, action, conflict = undefined) => {
		expect(decide(difference, { ...always, ...policy })).toEqual({
			action,
			conflict,
		});
	});

	test("an answer to a conflict gives what the same words would have given beforehand", () => {
		const changes = fc.constantFrom(
			["content"] as const,
			["type"] as const,
			["content", "mode"] as const,
		);
		const resolutions = ["skip", "overwrite", "keep-both"] as const;
		fc.assert(
			fc.property(
				changes,
				fc.boolean(),
				fc.constantFrom(...resolutions),
				(given, isFilled, resolution) => {
					const difference = { ...laterEdited, changes: given, isFilled };
					const asked = decide(difference, { ...always, onConflict: "ask" });
					if (asked.conflict === undefined) throw new Error("no conflict");
					const { conflict } = asked;
					expect(resolve({ changes: given, conflict }, resolution)).toEqual(
						decide(difference, { ...always, onConflict: resolution }),
					);
				},
			),
			{ seed: 1, numRuns: 60 },
		);
	});

	test("the name of a version beside what is there is a new one each time", () => {
		const names = besideNames("/a/b.txt", "varve-12345678");
		const first = names.next().value;
		expect(first).toBe("/a/b.txt.varve-12345678");
		expect(names.next().value).toBe("/a/b.txt.varve-12345678-2");
		expect(names.next().value).toBe("/a/b.txt.varve-12345678-3");
	});
});

const was = { inode: "12", size: "3", mtime: "-5", ctime: "7", links: 2 };
const attributes = {
	mode: 0o644,
	uid: 1,
	gid: 2,
	mtime: -1,
	mtimeNs: 999_999_999,
	xattrs: [["dXNlci5h", "AA=="]] as const,
};
const odd = '/a\n\ud800\udcff"{}';
const steps: Step[] = [
	{
		do: "put",
		place: { top: 0, suffix: odd },
		slot: { home: 0, number: 0 },
		made: was,
	},
	{
		do: "swap",
		place: { top: 0, suffix: "/b" },
		slot: { home: 0, number: 1 },
		made: was,
		was,
	},
	{
		do: "take",
		place: { top: 0, suffix: "/c" },
		slot: { home: 0, number: 2 },
		was,
	},
	{
		do: "patch",
		place: { top: 0, suffix: "/d" },
		slot: { home: 0, number: 3 },
		was,
		parts: [[0, 5]],
		sizes: [6, 7],
		before: attributes,
		after: { ...attributes, xattrs: undefined },
	},
	{
		do: "attributes",
		place: { top: 0, suffix: "" },
		isDirectory: true,
		was,
		before: attributes,
		after: attributes,
	},
];
const journal: Journal = {
	header: {
		format: 1,
		id: "ab",
		created: "2026-01-01T00:00:00.000Z",
		repository: "r",
		snapshot: "s",
		request: {
			target: undefined,
			subpath: "/x",
			include: [],
			exclude: ["*.o"],
			overwrite: "always",
			onConflict: undefined,
			delete: true,
			verify: false,
			undo: true,
			numericIds: false,
		},
		holder: {
			host: "h",
			machineId: "m",
			bootId: "b",
			pid: 1,
			startTicks: "2",
			pidNamespace: "n",
		},
		tops: ["/x"],
		homes: [{ top: 0, suffix: "", attributes }],
	},
	steps,
};

const textOf = (given: Journal) => [...encodeJournal(given)].join("");
const decode = (text: string) => decodeJournal(utf8(text), "/j");

describe("the journal of a restore", () => {
	test("comes back as it was written, names of any bytes included", () => {
		const text = textOf(journal);
		const { xattrs: _, ...rest } = attributes;
		const read = decode(text);
		expect(read.header).toMatchObject({ id: "ab", tops: ["/x"] });
		expect(read.steps[0]).toEqual(steps[0]);
		expect(read.steps[3]).toMatchObject({ after: rest });
		expect(textOf(read)).toBe(text);
		expect(decodeHeader(utf8(encodeHeader(journal.header)), "/j").id).toBe(
			"ab",
		);
	});

	test("cut anywhere, it is refused", () => {
		const text = textOf(journal);
		for (let length = 0; length < text.length; length += 7)
			expect(() => decode(text.slice(0, length))).toThrow(
				expect.objectContaining({ code: "BAD_JOURNAL" }),
			);
	});

	test("a step nobody knows is refused", () => {
		const text = textOf(journal).replace('"do":"take"', '"do":"burn"');
		expect(() => decode(text)).toThrow(/unknown step/);
	});
});
