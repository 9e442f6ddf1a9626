import { utf8 } from "@varve/format";
import { describe, expect, test } from "vitest";
import { noXattrs } from "../../packages/core/src/native/xattr-reader.ts";
import { Report } from "../../packages/core/src/snapshot/report.ts";

const observer = { on: () => {}, detail: false };
const some = [{ name: utf8("user.a"), value: new Uint8Array(1) }];

describe("what a snapshot says that it does not keep", () => {
	test("T71 are entries of which some extended attributes could not be read", () => {
		const report = new Report(observer, true);
		report.countXattrs(noXattrs);
		report.countXattrs({ xattrs: some, partial: false });
		expect(report.notKept).toEqual({});
		report.countXattrs({ xattrs: some, partial: true });
		report.countShed(2);
		expect(report.notKept).toEqual({ xattrs: 3 });
		expect(report.kept).toEqual(["xattrs"]);
	});

	test("T71 are all entries that nobody could ask, on a machine without the calls: they count as not asked for", () => {
		const report = new Report(observer, false);
		expect(report.notKept).toEqual({});
		report.countXattrs(noXattrs);
		report.countXattrs(noXattrs);
		expect(report.notKept).toEqual({ "xattrs-unseen": 2 });
		expect(report.kept).toEqual([]);
	});
});
