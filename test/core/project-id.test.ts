import { tmpdir } from "node:os";
import { expect, test } from "vitest";
import type { ForeignLibrary } from "../../packages/core/src/native/foreign.ts";
import { projectOf } from "../../packages/core/src/native/project-id.ts";

/** Answers as a file system with project quotas does, in a struct fsxattr. */
function answering(result: number, project: number): ForeignLibrary {
	return {
		func: () => (_, request, attributes) => {
			expect(request).toBe(0x801c581f);
			new DataView((attributes as Uint8Array).buffer).setUint32(
				12,
				project,
				true,
			);
			return result;
		},
		code: () => "ENOTTY",
		error: () => new Error("ENOTTY"),
	};
}

test("the project of a directory is what its file system says", () => {
	expect(projectOf(tmpdir(), () => answering(0, 4711))).toBe(4711);
});

test("there is none where the file system does not know of projects, or cannot be asked", () => {
	expect(projectOf(tmpdir(), () => answering(-1, 4711))).toBe(0);
	expect(projectOf(tmpdir(), () => undefined)).toBe(0);
});

test("a directory without a project has none", () => {
	expect(projectOf(tmpdir())).toBe(0);
});
