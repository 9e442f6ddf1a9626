import { spawnSync } from "node:child_process";

export interface XattrLiteral {
	readonly path: string | Buffer;
	readonly name: string;
	readonly value: Uint8Array;
}

const program = `
import base64, os, sys
for path, name, value in zip(*[iter(sys.argv[1:])] * 3):
    os.setxattr(base64.b64decode(path), name, base64.b64decode(value), follow_symlinks=False)
`;

const clearing = `
import base64, os, sys
for path in map(base64.b64decode, sys.argv[1:]):
    for name in os.listxattr(path, follow_symlinks=False):
        os.removexattr(path, name, follow_symlinks=False)
`;

/** Sets extended attributes, for which Node has no call. What stood in the way, if something did: no Python, no right, a file system without them. */
export function setXattrs(
	literals: readonly XattrLiteral[],
): string | undefined {
	const words = literals.flatMap(({ path, name, value }) => [
		(typeof path === "string" ? Buffer.from(path) : path).toString("base64"),
		name,
		Buffer.from(value).toString("base64"),
	]);
	return run(program, words);
}

/** Takes all extended attributes away; what stood in the way, as above. */
export function clearXattrs(paths: readonly string[]): string | undefined {
	return run(
		clearing,
		paths.map((path) => Buffer.from(path).toString("base64")),
	);
}

function run(code: string, words: readonly string[]): string | undefined {
	const { error, status, stderr } = spawnSync(
		"python3",
		["-c", code, ...words],
		{ encoding: "utf8" },
	);
	if (error !== undefined) return error.message;
	return status === 0 ? undefined : stderr.trim().split("\n").at(-1);
}

/** system.posix_acl_access: the modes of owner, group and others, and of one user more. */
export const sampleAcl = Uint8Array.from([
	...[2, 0, 0, 0],
	...[0x01, 0, 6, 0, 0xff, 0xff, 0xff, 0xff],
	...[0x02, 0, 4, 0, 1, 0, 0, 0],
	...[0x04, 0, 4, 0, 0xff, 0xff, 0xff, 0xff],
	...[0x10, 0, 4, 0, 0xff, 0xff, 0xff, 0xff],
	...[0x20, 0, 4, 0, 0xff, 0xff, 0xff, 0xff],
]);
