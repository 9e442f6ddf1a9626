import { encodeName, isPlainName } from "@varve/format";

/** A path as system calls take it: a text, or bytes where it is not UTF-8. */
export function systemPath(path: string): string | Buffer {
	return isPlainName(path) ? path : Buffer.from(encodeName(path));
}

/** The word of errno says that there is nothing at a path: no such name, or a file where a directory was on the way to it. */
export function isGone(code: string): boolean {
	return code === "ENOENT" || code === "ENOTDIR";
}

/** The word of errno that an error carries, or undefined for an error of another kind. */
export function codeOf(error: unknown): string | undefined {
	const code = (error as { code?: unknown } | null)?.code;
	return typeof code === "string" && /^E[A-Z0-9]+$/.test(code)
		? code
		: undefined;
}
