import { type Foreign, type ForeignLibrary, terminated } from "./foreign.ts";

/** openat(2): the descriptor of a name in an open directory. Failures are errors with an errno code. */
export type OpenAt = (
	directory: number,
	name: string,
	flags: number,
	mode: number,
) => number;

/** O_CLOEXEC of Linux. */
const closeOnExec = 0x8_0000;

/** undefined with a C library that has no such symbol. */
export function declareOpenAt(library: ForeignLibrary): OpenAt | undefined {
	let byText: Foreign;
	let byBytes: Foreign;
	try {
		const declare = (path: string) =>
			library.func(
				`int openat(int dirfd, const ${path}, int flags, uint mode)`,
			);
		byText = declare("char *path");
		byBytes = declare("uint8_t *path");
	} catch {
		return undefined;
	}
	return (directory, name, flags, mode) => {
		const fd = name.isWellFormed()
			? byText(directory, name, flags | closeOnExec, mode)
			: byBytes(directory, terminated(name), flags | closeOnExec, mode);
		if (fd === -1) throw library.error("openat");
		return fd;
	};
}
