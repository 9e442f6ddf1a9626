import { describe, expect, test } from "vitest";
import type {
	Foreign,
	ForeignLibrary,
} from "../../packages/core/src/native/foreign.ts";
import { XattrProbe } from "../../packages/core/src/native/xattr-probe.ts";

/** A C library in which each entry has these names, or an error. */
function libraryOf(names: readonly string[] | "error") {
	const calls: string[] = [];
	const list: Foreign = (_entry, buffer, size) => {
		if (names === "error") return -1;
		const bytes = Buffer.from(names.map((name) => `${name}\0`).join(""));
		if (size === 0) return bytes.length;
		if (bytes.length > (size as number)) return -1;
		(buffer as Uint8Array).set(bytes);
		return bytes.length;
	};
	const library: ForeignLibrary = {
		func(declaration) {
			calls.push(declaration);
			return list;
		},
		error: (call) => new Error(call),
		code: () => "ENOTSUP",
	};
	return { library, calls };
}

function answers(names: readonly string[] | "error"): boolean[] {
	const probe = new XattrProbe(() => libraryOf(names).library);
	return [probe.ofOpen(3), probe.ofPath("/a")];
}

describe("the probe for extended attributes", () => {
	test("finds attributes, ACLs and capabilities alike", () => {
		for (const name of [
			"user.x",
			"system.posix_acl_access",
			"security.capability",
			"security.selinuxes",
		])
			expect(answers([name])).toEqual([true, true]);
		expect(answers([])).toEqual([false, false]);
	});

	test("leaves out the label that SELinux gives to every file, and nothing of its length", () => {
		expect(answers(["security.selinux"])).toEqual([false, false]);
		expect(answers(["security.selinux", "user.x"])).toEqual([true, true]);
		expect(answers(["user.of.this.siz"])).toEqual([true, true]);
		expect(answers(["user.abc", "user.de"])).toEqual([true, true]);
	});

	test("finds nothing where there is no library, no call, or no answer", () => {
		expect(answers("error")).toEqual([false, false]);
		const without = new XattrProbe(() => undefined);
		expect([without.ofOpen(3), without.ofPath("/a")]).toEqual([false, false]);
		const { library } = libraryOf(["user.x"]);
		const bare = new XattrProbe(() => ({
			...library,
			func: () => {
				throw new Error("no such symbol");
			},
		}));
		expect([bare.ofOpen(3), bare.ofPath("/a")]).toEqual([false, false]);
	});

	test("loads the library when it is first asked, and once", () => {
		const { library, calls } = libraryOf([]);
		let loads = 0;
		const probe = new XattrProbe(() => {
			loads++;
			return library;
		});
		expect(loads).toBe(0);
		for (let i = 0; i < 3; i++) {
			probe.ofOpen(i);
			probe.ofPath("/a");
		}
		expect(loads).toBe(1);
		expect(calls).toHaveLength(2);
	});
});
