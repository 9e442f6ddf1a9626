import { futimesSync, lutimesSync, utimesSync } from "node:fs";
import {
	type Foreign,
	type ForeignLibrary,
	loadForeignLibrary,
	terminated,
} from "../native/foreign.ts";
import { systemPath } from "../system.ts";

/** System calls that Node does not have, or not to the nanosecond. Failures are errors with an errno code. */
export interface NativeCalls {
	/** False where the platform's own calls cannot be had: times are then exact to the microsecond only, and `makeNode` is undefined. */
	readonly exact: boolean;
	setFileTime(fd: number, seconds: number, nanoseconds: number): void;
	/** Of the entry itself, also if it is a symlink, unless it `followsLink`. */
	setPathTime(
		path: string,
		seconds: number,
		nanoseconds: number,
		followsLink?: boolean,
	): void;
	/** mknod(2): FIFOs, sockets and devices. */
	readonly makeNode:
		| ((path: string, mode: number, device: number) => void)
		| undefined;
}

/** Leaves the access time as it is (UTIME_OMIT of Linux). */
const omit = 0x3ffffffe;
const atWorkingDirectory = -100;
const noFollow = 0x100;

/** Costs some milliseconds: call it once for each thread that needs it. Where there is no library, `exact` declares it in the report. */
export function loadNativeCalls(): NativeCalls {
	return nativeCallsOf(loadForeignLibrary());
}

export function nativeCallsOf(
	library: ForeignLibrary | undefined,
): NativeCalls {
	return library === undefined ? roundedCalls : foreignCalls(library);
}

function foreignCalls(library: ForeignLibrary): NativeCalls {
	const futimens = library.func("int futimens(int fd, const int32_t *times)");
	const utimensat = library.func(
		"int utimensat(int dirfd, const uint8_t *path, const int32_t *times, int flags)",
	);
	const times = new TimePair();
	const check = (result: number, call: string) => {
		if (result !== 0) throw library.error(call);
	};
	return {
		exact: true,
		setFileTime(fd, seconds, nanoseconds) {
			times.set(seconds, nanoseconds);
			check(futimens(fd, times.words), "futimens");
		},
		setPathTime(path, seconds, nanoseconds, followsLink = false) {
			times.set(seconds, nanoseconds);
			const name = terminated(path);
			const flags = followsLink ? 0 : noFollow;
			check(
				utimensat(atWorkingDirectory, name, times.words, flags),
				"utimensat",
			);
		},
		makeNode: nodeMaker(library, check),
	};
}

/** undefined with a C library that has no such symbol. */
function nodeMaker(
	library: ForeignLibrary,
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

const roundedCalls: NativeCalls = {
	exact: false,
	setFileTime(fd, seconds, nanoseconds) {
		const time = seconds + nanoseconds / 1e9;
		futimesSync(fd, time, time);
	},
	setPathTime(path, seconds, nanoseconds, followsLink = false) {
		const time = seconds + nanoseconds / 1e9;
		const target = systemPath(path);
		if (followsLink || process.platform === "win32")
			utimesSync(target, time, time);
		else lutimesSync(target, time, time);
	},
	makeNode: undefined,
};
