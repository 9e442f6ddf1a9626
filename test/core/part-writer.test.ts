import { mkdirSync, readFileSync, statSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { blankNode, NodeKind, utf8 } from "@varve/format";
import { describe, expect, test } from "vitest";
import { sameAccounts } from "../../packages/core/src/accounts.ts";
import { BatchFrames } from "../../packages/core/src/restore/batch-frames.ts";
import { FileWindow } from "../../packages/core/src/restore/file-window.ts";
import type { NativeCalls } from "../../packages/core/src/restore/native-times.ts";
import { Owners } from "../../packages/core/src/restore/owners.ts";
import { partColumns } from "../../packages/core/src/restore/part-columns.ts";
import { PartWriter } from "../../packages/core/src/restore/part-writer.ts";
import { Tally } from "../../packages/core/src/restore/tally.ts";
import { TargetTree } from "../../packages/core/src/restore/target-tree.ts";
import { readingPlace } from "./reading-workplace.ts";

const place = readingPlace("part-writer");
const zeros = {
	kinds: [0 as const],
	lengths: [70_000],
	ids: new Uint8Array(0),
};

/** Writes a file of zeros, or as told, into a folder; what `native` and `owners` do is the test's. */
function write(options: {
	folder: string;
	suffix?: string;
	native?: Partial<NativeCalls>;
	uid?: number;
}) {
	const { folder, suffix = "/file", native = {}, uid = 0 } = options;
	const me = process.geteuid?.() ?? 0;
	const owners = new Owners({
		uid: me,
		gid: process.getegid?.() ?? 0,
		groups: [],
		inheritsGroup: false,
		accounts: sameAccounts,
	});
	const writer = new PartWriter({
		tree: new TargetTree({ path: folder, descriptor: -1 }),
		calls: {
			setFileTime: () => {},
			setPathTime: () => {},
			xattrs: undefined,
			...native,
		},
	});
	const window = new FileWindow(1);
	const node = { ...blankNode(utf8("x"), NodeKind.file), mode: 0o640 };
	window.add({
		suffix,
		node: { ...node, uid: me + uid, gid: process.getegid?.() ?? 0 },
		content: zeros,
		descriptor: -1,
		position: 0,
		isLast: true,
	});
	const parts = partColumns(window, Uint32Array.of(0), undefined);
	const tally = new Tally();
	const none = {
		packs: [],
		pack: new Uint32Array(0),
		offset: new Uint32Array(0),
		storedLength: new Uint32Array(0),
		rawLength: new Uint32Array(0),
	};
	const neverAsked = new Proxy(
		{},
		{
			get: () => {
				throw new Error("a file of zeros needs no frame");
			},
		},
	) as ConstructorParameters<typeof BatchFrames>[0];
	const frames = new BatchFrames(neverAsked, { sha256: (b) => b }, none);
	writer.write(parts, 0, { frames, owners, tally });
	return tally.reply(1);
}

function folder(): string {
	const made = place.fresh("folder");
	mkdirSync(made);
	return made;
}

const refusal = (code: string) => () => {
	throw Object.assign(new Error(`${code}: refused`), { code });
};

describe("writing a file", () => {
	test("an attribute that is refused is reported, and the file stays (T82)", () => {
		const target = folder();
		const setFileTime = refusal("EPERM");
		const reply = write({ folder: target, native: { setFileTime } });
		expect(reply).toMatchObject({
			files: 1,
			problems: [{ part: 0, kind: "unfaithful", reason: "EPERM" }],
		});
		const stat = statSync(join(target, "file"));
		expect([stat.size, stat.mode & 0o7777]).toEqual([70_000, 0o640]);
	});

	test("what is there already is neither opened nor changed", () => {
		const target = folder();
		writeFileSync(join(target, "file"), "mine");
		const reply = write({ folder: target });
		expect(reply).toMatchObject({
			files: 0,
			problems: [{ kind: "unwritten", reason: "EEXIST" }],
		});
		expect(readFileSync(join(target, "file"), "utf8")).toBe("mine");
	});

	test("a directory that is gone is a problem of the file alone", () => {
		const reply = write({ folder: folder(), suffix: "/gone/file" });
		expect(reply.problems).toMatchObject([
			{ kind: "unwritten", reason: "ENOENT" },
		]);
	});

	test("a fault of the program is thrown", () => {
		const target = folder();
		const setFileTime = () => {
			throw new TypeError("a fault");
		};
		expect(() => write({ folder: target, native: { setFileTime } })).toThrow(
			TypeError,
		);
	});

	test.runIf(process.geteuid?.() !== 0)(
		"an owner that cannot be given back is counted, once for each file",
		() => {
			const reply = write({ folder: folder(), uid: 1 });
			expect(reply).toMatchObject({ files: 1, losses: { owner: 1 } });
		},
	);
});
