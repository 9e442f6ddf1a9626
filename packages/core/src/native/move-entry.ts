import {
	type ForeignLibrary,
	loadForeignLibrary,
	terminated,
} from "./foreign.ts";

/** Moves that Node does not have. Paths are not followed at their ends. Failures are errors with an errno code. */
export interface EntryMoves {
	/** renameat2(2): EEXIST if there is something at `to`. */
	move(from: string, to: string): void;
	/** Both names change what they name, at one moment. */
	exchange(a: string, b: string): void;
	/** ioctl(FICLONE): the file open as `to` shares the blocks of the one open as `from`. */
	clone(from: number, to: number): void;
	/** syncfs(2): what was written to the file system of this descriptor is durable. */
	syncFileSystem(fd: number): void;
}

const atWorkingDirectory = -100;
const noReplace = 1;
const bothWays = 2;
const ficlone = 0x4004_9409;

/** undefined where the platform's own calls cannot be had. */
export function loadEntryMoves(
	load: () => ForeignLibrary | undefined = loadForeignLibrary,
): EntryMoves | undefined {
	const library = load();
	if (library === undefined) return undefined;
	try {
		return declareMoves(library);
	} catch {
		// An older C library.
		return undefined;
	}
}

function declareMoves(library: ForeignLibrary): EntryMoves {
	const rename = library.func(
		"int renameat2(int olddir, const uint8_t *old, int newdir, const uint8_t *new, uint flags)",
	);
	const ioctl = library.func("int ioctl(int fd, ulong request, int from)");
	const syncfs = library.func("int syncfs(int fd)");
	const check = (result: number, call: string) => {
		if (result !== 0) throw library.error(call);
	};
	const renamed = (from: string, to: string, flags: number) =>
		check(
			rename(
				atWorkingDirectory,
				terminated(from),
				atWorkingDirectory,
				terminated(to),
				flags,
			),
			"renameat2",
		);
	return {
		move: (from, to) => renamed(from, to, noReplace),
		exchange: (a, b) => renamed(a, b, bothWays),
		clone: (from, to) => check(ioctl(to, ficlone, from), "ioctl"),
		syncFileSystem: (fd) => check(syncfs(fd), "syncfs"),
	};
}
