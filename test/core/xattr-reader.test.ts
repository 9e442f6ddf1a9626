import { describe, expect, test } from "vitest";
import type { ForeignLibrary } from "../../packages/core/src/native/foreign.ts";
import { XattrReader } from "../../packages/core/src/native/xattr-reader.ts";

interface Fakes {
	/** What listxattr says: names, or an error. */
	readonly names: readonly string[] | { readonly code: string };
	/** What getxattr says of a name each time it is asked for the value; the last answer stays. */
	readonly values?: {
		readonly [name: string]: readonly (string | { readonly code: string })[];
	};
}

/** A C library in which each entry has these attributes. */
function libraryOf({ names, values = {} }: Fakes) {
	const declared: string[] = [];
	let calls = 0;
	let code = "";
	const asked = new Map<string, number>();
	const fill = (text: string, buffer: unknown, size: unknown) => {
		const bytes = Buffer.from(text, "latin1");
		if (size === 0) return bytes.length;
		if (bytes.length > (size as number)) {
			code = "ERANGE";
			return -1;
		}
		(buffer as Uint8Array).set(bytes);
		return bytes.length;
	};
	const answer = (said: string | { code: string }, ...room: unknown[]) => {
		calls++;
		if (typeof said === "string") return fill(said, room[0], room[1]);
		code = said.code;
		return -1;
	};
	const list = (_entry: unknown, ...room: unknown[]) =>
		answer(
			"code" in names
				? names
				: (names as string[]).map((name) => `${name}\0`).join(""),
			...room,
		);
	const get = (_entry: unknown, name: unknown, ...room: unknown[]) => {
		const text = Buffer.from(name as Uint8Array).toString("latin1");
		const all = values[text.slice(0, -1)] ?? ["value"];
		const turn = asked.get(text) ?? 0;
		if (room[1] !== 0) asked.set(text, turn + 1);
		return answer(all[Math.min(turn, all.length - 1)] as string, ...room);
	};
	const library: ForeignLibrary = {
		func(declaration) {
			declared.push(declaration);
			return declaration.includes("getxattr") ? get : list;
		},
		error: (call) => new Error(call),
		code: () => code,
	};
	return { library, declared, calls: () => calls };
}

function found(fakes: Fakes) {
	const reader = new XattrReader(() => libraryOf(fakes).library);
	const ours = reader.ofOpen(3);
	expect(new XattrReader(() => libraryOf(fakes).library).ofPath("/a")).toEqual(
		ours,
	);
	return [
		ours.xattrs.map(
			({ name, value }) =>
				`${Buffer.from(name).toString("latin1")}=${Buffer.from(value).toString("latin1")}`,
		),
		ours.partial,
	];
}

describe("the reader of extended attributes", () => {
	test("reads all that are named, sorted by the bytes of their names", () => {
		expect(
			found({
				names: ["user.b", "user.\xff", "system.posix_acl_access", "user.B"],
				values: { "user.b": [""], "user.\xff": ["a\0b"] },
			}),
		).toEqual([
			[
				"system.posix_acl_access=value",
				"user.B=value",
				"user.b=",
				"user.\xff=a\0b",
			],
			false,
		]);
		expect(found({ names: [] })).toEqual([[], false]);
	});

	test("passes over the other form in which xfs shows ACLs to root", () => {
		const acl = "system.posix_acl_access";
		const names = ["trusted.SGI_ACL_FILE", acl, "trusted.SGI_ACL_DEFAULT"];
		expect(found({ names })).toEqual([[`${acl}=value`], false]);
	});

	test("asks once of an entry that has none", () => {
		const fake = libraryOf({ names: [] });
		const reader = new XattrReader(() => fake.library);
		for (let i = 0; i < 3; i++) reader.ofOpen(i);
		expect(fake.calls()).toBe(3);
	});

	test("an attribute that cannot be read costs nothing but itself, and is told", () => {
		for (const code of ["EACCES", "EIO", "E2BIG"])
			expect(
				found({
					names: ["user.a", "user.b"],
					values: { "user.a": [{ code }] },
				}),
			).toEqual([["user.b=value"], true]);
	});

	test("an attribute or entry that is gone by then is none", () => {
		expect(
			found({
				names: ["user.a", "user.b"],
				values: { "user.a": [{ code: "ENODATA" }] },
			}),
		).toEqual([["user.b=value"], false]);
		for (const code of ["ENOENT", "ENOTDIR"])
			expect(found({ names: { code } })).toEqual([[], false]);
	});

	test("a file system without attributes has none, and a list that cannot be read is told", () => {
		for (const code of ["ENOTSUP", "EOPNOTSUPP", "ENOSYS"])
			expect(found({ names: { code } })).toEqual([[], false]);
		for (const code of ["E2BIG", "EACCES", "EPERM"])
			expect(found({ names: { code } })).toEqual([[], true]);
	});

	test("a value that grows while it is asked for is asked for again", () => {
		const long = "x".repeat(100_000);
		expect(
			found({ names: ["user.a"], values: { "user.a": [long, `${long}y`] } }),
		).toEqual([[`user.a=${long}y`], false]);
		expect(
			found({
				names: ["user.a"],
				values: { "user.a": ["x".repeat(2_000_000)] },
			}),
		).toEqual([[], true]);
	});

	test("finds nothing, and knows it, where there is no library or no such call", () => {
		const bare = {
			...libraryOf({ names: ["user.a"] }).library,
			func: () => {
				throw new Error("no such symbol");
			},
		};
		for (const library of [undefined, bare]) {
			const reader = new XattrReader(() => library);
			expect(reader.available).toBe(false);
			expect([reader.ofOpen(3).xattrs, reader.ofPath("/a").xattrs]).toEqual([
				[],
				[],
			]);
		}
	});

	test("loads the library when it is first asked, and once", () => {
		const { library, declared } = libraryOf({ names: [] });
		let loads = 0;
		const reader = new XattrReader(() => {
			loads++;
			return library;
		});
		expect(loads).toBe(0);
		for (let i = 0; i < 3; i++) {
			reader.ofOpen(i);
			reader.ofPath("/a");
		}
		expect(loads).toBe(1);
		expect(declared).toHaveLength(4);
	});
});
