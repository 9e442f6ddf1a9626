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

/** Sets extended attributes, for which Node has no call. What stood in the way, if something did: no Python, no right, a file system without them. */
export function setXattrs(
	literals: readonly XattrLiteral[],
): string | undefined {
	const words = literals.flatMap(({ path, name, value }) => [
		(typeof path === "string" ? Buffer.from(path) : path).toString("base64"),
		name,
		Buffer.from(value).toString("base64"),
	]);
	const { error, status, stderr } = spawnSync(
		"python3",
		["-c", program, ...words],
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
