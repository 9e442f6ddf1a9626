import { type Foreign, type ForeignLibrary, terminated } from "./foreign.ts";

/**
 * openat(2) and close(2). What this opens only this may close: Node counts the descriptors of a thread and warns of one it has not
 * opened. Failures are errors with an errno code.
 */
export interface OpenAt {
	/** The descriptor of a name in an open directory. */
	open(directory: number, name: string, flags: number, mode: number): number;
	close(descriptor: number): void;
}

/** O_CLOEXEC of Linux. */
const closeOnExec = 0x8_0000;

/** undefined with a C library that has no such symbols. */
export function declareOpenAt(library: ForeignLibrary): OpenAt | undefined {
	let byText: Foreign;
	let byBytes: Foreign;
	let close: Foreign;
	try {
		const declare = (path: string) =>
			library.func(
				`int openat(int dirfd, const ${path}, int flags, uint mode)`,
			);
		byText = declare("char *path");
		byBytes = declare("uint8_t *path");
		close = library.func("int close(int fd)");
	} catch {
		return undefined;
	}
	return {
		open(directory, name, flags, mode) {
			const fd = name.isWellFormed()
				? byText(directory, name, flags | closeOnExec, mode)
				: byBytes(directory, terminated(name), flags | closeOnExec, mode);
			if (fd === -1) throw library.error("open");
			return fd;
		},
		close(descriptor) {
			if (close(descriptor) !== 0) throw library.error("close");
		},
	};
}
