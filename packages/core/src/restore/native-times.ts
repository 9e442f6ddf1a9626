import { futimesSync, lutimesSync, utimesSync } from "node:fs";
import { createRequire } from "node:module";
import { encodeName } from "@varve/format";
import { systemPath } from "../snapshot/read-file.ts";

/** System calls that Node does not have, or not to the nanosecond. Failures are errors with an errno code. */
export interface NativeCalls {
	/** False where the platform's own calls cannot be had: times are then exact to the microsecond only, and `makeNode` is undefined. */
	readonly exact: boolean;
	setFileTime(fd: number, seconds: number, nanoseconds: number): void;
	/** Of the entry itself, also if it is a symlink. */
	setPathTime(path: string, seconds: number, nanoseconds: number): void;
	/** mknod(2): FIFOs, sockets and devices. */
	readonly makeNode:
		| ((path: string, mode: number, device: number) => void)
		| undefined;
}

type Foreign = (...args: unknown[]) => number;
interface Library {
	func(declaration: string): Foreign;
}
interface Koffi {
	load(path: null): Library;
	errno(): number;
	readonly os: { readonly errno: Readonly<Record<string, number>> };
}

/** Leaves the access time as it is (UTIME_OMIT of Linux). */
const omit = 0x3ffffffe;
const atWorkingDirectory = -100;
const noFollow = 0x100;

/** Loads koffi, which costs some milliseconds: call it once for each thread that needs it. */
export function loadNativeCalls(): NativeCalls {
	if (process.platform !== "linux" || !has64Bits()) return roundedCalls;
	let koffi: Koffi;
	try {
		koffi = createRequire(import.meta.url)("koffi") as Koffi;
	} catch {
		// No binary for this platform: declared in the report by `exact`.
		return roundedCalls;
	}
	return foreignCalls(koffi);
}

/** And the little end first, as TimePair writes them. */
function has64Bits(): boolean {
	return ["x64", "arm64", "riscv64", "loong64"].includes(process.arch);
}

function foreignCalls(koffi: Koffi): NativeCalls {
	const library = koffi.load(null);
	const futimens = library.func("int futimens(int fd, const int32_t *times)");
	const utimensat = library.func(
		"int utimensat(int dirfd, const uint8_t *path, const int32_t *times, int flags)",
	);
	const times = new TimePair();
	const check = (result: number, call: string) => {
		if (result !== 0) throw errnoError(koffi, call);
	};
	return {
		exact: true,
		setFileTime(fd, seconds, nanoseconds) {
			times.set(seconds, nanoseconds);
			check(futimens(fd, times.words), "futimens");
		},
		setPathTime(path, seconds, nanoseconds) {
			times.set(seconds, nanoseconds);
			const name = terminated(path);
			check(
				utimensat(atWorkingDirectory, name, times.words, noFollow),
				"utimensat",
			);
		},
		makeNode: nodeMaker(library, check),
	};
}

/** undefined with a C library that has no such symbol. */
function nodeMaker(
	library: Library,
	check: (result: number, call: string) => void,
): NativeCalls["makeNode"] {
	let mknod: Foreign;
	try {
		mknod = library.func(
			"int mknod(const uint8_t *path, uint32_t mode, uint64_t device)",
		);
	} catch {
		return undefined;
	}
	return (path, mode, device) =>
		check(mknod(terminated(path), mode, device), "mknod");
}

/** Two `struct timespec` of 64-bit little-endian numbers: the access time, left alone, and the modification time. */
class TimePair {
	readonly words = new Int32Array(8);

	constructor() {
		this.words[2] = omit;
	}

	set(seconds: number, nanoseconds: number): void {
		this.words[4] = seconds % 2 ** 32;
		this.words[5] = Math.floor(seconds / 2 ** 32);
		this.words[6] = nanoseconds;
	}
}

function terminated(path: string): Uint8Array {
	const bytes = encodeName(path);
	const name = new Uint8Array(bytes.length + 1);
	name.set(bytes);
	return name;
}

function errnoError(koffi: Koffi, call: string): Error {
	const number = koffi.errno();
	const names = Object.entries(koffi.os.errno);
	const code = names.find(([, value]) => value === number)?.[0] ?? `E${number}`;
	return Object.assign(new Error(`${code}: ${call} failed`), { code });
}

const roundedCalls: NativeCalls = {
	exact: false,
	setFileTime(fd, seconds, nanoseconds) {
		const time = seconds + nanoseconds / 1e9;
		futimesSync(fd, time, time);
	},
	setPathTime(path, seconds, nanoseconds) {
		const time = seconds + nanoseconds / 1e9;
		const target = systemPath(path);
		if (process.platform === "win32") utimesSync(target, time, time);
		else lutimesSync(target, time, time);
	},
	makeNode: undefined,
};
