import type { FsLayer } from "@varve/store";

type Asynchronous = Pick<
	FsLayer,
	| ("open" | "read" | "write" | "fsync" | "close" | "fstat" | "stat")
	| ("rename" | "link" | "unlink" | "mkdir" | "rmdir" | "readdir")
>;

/** What a disk in memory does at once. */
export type DiskCalls = {
	readonly [Name in keyof Asynchronous]: (
		...words: Parameters<Asynchronous[Name]>
	) => Awaited<ReturnType<Asynchronous[Name]>>;
};

/** A file system of these calls, with room for everything; `pause`, if it gives a promise, comes before each of the asynchronous ones. */
export function diskLayer(
	calls: DiskCalls,
	pause: () => Promise<void> | undefined,
): FsLayer {
	const later = <A extends unknown[], R>(call: (...words: A) => R) => {
		return async (...words: A): Promise<R> => {
			const pausing = pause();
			if (pausing !== undefined) await pausing;
			return call(...words);
		};
	};
	return {
		open: later(calls.open),
		read: later(calls.read),
		write: later(calls.write),
		fsync: later(calls.fsync),
		close: later(calls.close),
		fstat: later(calls.fstat),
		stat: later(calls.stat),
		rename: later(calls.rename),
		link: later(calls.link),
		unlink: later(calls.unlink),
		mkdir: later(calls.mkdir),
		rmdir: later(calls.rmdir),
		readdir: later(calls.readdir),
		space: async () => 2 ** 40,
		openSync: calls.open,
		readSync: calls.read,
		writeSync: calls.write,
		closeSync: calls.close,
		statSync: calls.stat,
		unlinkSync: calls.unlink,
	};
}
