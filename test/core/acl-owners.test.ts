import { utf8 } from "@varve/format";
import { sampleAcl } from "@varve/testkit";
import { describe, expect, test } from "vitest";
import { aclOwners } from "../../packages/core/src/snapshot/acl-owners.ts";

const named = (name: string, value: Uint8Array) => ({
	name: utf8(name),
	value: new Uint8Array(value),
});
const access = "system.posix_acl_access";
/** A group and a user of large numbers, in a default ACL. */
const both = Uint8Array.from([
	...[2, 0, 0, 0],
	...[0x02, 0, 7, 0, 0xfe, 0xff, 0xff, 0xff],
	...[0x08, 0, 4, 0, 0x39, 0x30, 0, 0],
]);

describe("who is named in ACLs", () => {
	test("are their users and groups, not the owner, the mask and others", () => {
		expect(aclOwners([named(access, sampleAcl)])).toEqual({
			uids: [1],
			gids: [],
		});
		expect(
			aclOwners([
				named(access, sampleAcl),
				named("system.posix_acl_default", both),
			]),
		).toEqual({ uids: [1, 4_294_967_294], gids: [12_345] });
	});

	test("is nobody in other attributes, other versions and what is cut short", () => {
		expect(aclOwners([named("user.acl", sampleAcl)])).toEqual({
			uids: [],
			gids: [],
		});
		const newer = Uint8Array.from(both);
		newer[0] = 3;
		for (const value of [newer, both.slice(0, 3), both.slice(0, 11)])
			expect(aclOwners([named(access, value)]).uids).toEqual([]);
		expect(aclOwners([named(access, both.slice(0, 15))])).toEqual({
			uids: [4_294_967_294],
			gids: [],
		});
	});
});
