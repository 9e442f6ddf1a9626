import type { Entry } from "@varve/core";
import { describe, expect, test } from "vitest";
import {
	entryFields,
	entryLine,
	permissionsOf,
} from "../../packages/cli/src/entry-lines.ts";

const entry: Entry = {
	path: "/etc/fstab",
	name: "fstab",
	type: "file",
	mode: 0o644,
	uid: 0,
	gid: 7,
	user: "root",
	group: undefined,
	size: 1234,
	mtime: 1_700_000_000,
	mtimeNs: 5,
	target: undefined,
	device: undefined,
	torn: false,
};
const long = { offsetAt: () => 60 };

describe("an entry", () => {
	test.each([
		["file", 0o644, "-rw-r--r--"],
		["dir", 0o1777, "drwxrwxrwt"],
		["dir", 0o1770, "drwxrwx--T"],
		["file", 0o6755, "-rwsr-sr-x"],
		["file", 0o6644, "-rwSr-Sr--"],
		["symlink", 0o777, "lrwxrwxrwx"],
		["fifo", 0, "p---------"],
		["socket", 0o600, "srw-------"],
		["chardev", 0o600, "crw-------"],
		["dev", 0o660, "brw-rw----"],
	] as const)(
		"of type %s with mode %o has the permissions %s",
		(type, mode, text) => {
			expect(permissionsOf({ ...entry, type, mode })).toBe(text);
		},
	);

	test("is a path, or a line as ls -l writes it", () => {
		expect(entryLine(entry, undefined)).toBe("/etc/fstab");
		expect(entryLine(entry, long)).toBe(
			"-rw-r--r-- root     7                1234 2023-11-14 23:13:20 +0100 /etc/fstab",
		);
		const link: Entry = { ...entry, type: "symlink", target: "a/b" };
		expect(entryLine(link, long)).toMatch(/ \/etc\/fstab -> a\/b$/);
	});

	test("of a time that no calendar has is shown all the same", () => {
		const odd = { ...entry, mtime: -(2 ** 52) };
		expect(entryLine(odd, long)).toContain(" @-4503599627370496 ");
		expect(entryFields(odd)).toMatchObject({ mtime: "@-4503599627370496" });
	});

	test("has the bytes of its names beside them where they are not UTF-8", () => {
		const odd: Entry = {
			...entry,
			path: "/a/\udcff",
			name: "\udcff",
			type: "symlink",
			target: "\udc80",
		};
		expect(entryFields(odd)).toMatchObject({
			name: "\ufffd",
			path: "/a/\ufffd",
			path_b64: "L2Ev/w==",
			linktarget: "\ufffd",
			linktarget_b64: "gA==",
		});
	});
});
