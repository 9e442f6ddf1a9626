import type { FsLayer } from "@varve/store";

export interface FsCall {
	readonly operation: keyof FsLayer;
	/** The first path it names; undefined if it goes by a descriptor. */
	readonly path: string | undefined;
	/** It changes something that another process can see. */
	readonly changes: boolean;
}

/** What becomes of a write: half of its bytes are written, and then it fails, or says how many it has written. */
export class HalfWrite {
	readonly error: Error | undefined;

	constructor(error?: Error) {
		this.error = error;
	}
}

/** What becomes of a call, instead of what it does: an error that it fails with; "nothing", and it says that all is well; undefined to let it be. */
export type FsPlan = (
	call: FsCall,
) => Error | HalfWrite | "nothing" | undefined;

const changing: ReadonlySet<keyof FsLayer> = new Set<keyof FsLayer>([
	"write",
	"fsync",
	"rename",
	"link",
	"unlink",
	"mkdir",
	"rmdir",
	"writeSync",
	"unlinkSync",
]);

/** A file system in which each call happens as `plan` says: whole, or not at all, or half of a write. */
export function plannedFs(inner: FsLayer, plan: FsPlan): FsLayer {
	const entries = Object.entries(inner).map(([name, call]) => {
		const operation = name as keyof FsLayer;
		const planned = (...words: unknown[]) => {
			const fate = plan(callOf(operation, words));
			if (fate === undefined) return (call as Call)(...words);
			if (fate instanceof HalfWrite)
				return writeHalf(call as Call, words, fate.error);
			const isSynchronous = operation.endsWith("Sync");
			if (fate === "nothing")
				return isSynchronous ? undefined : Promise.resolve();
			if (isSynchronous) throw fate;
			return Promise.reject(fate);
		};
		return [name, planned];
	});
	return Object.fromEntries(entries) as FsLayer;
}

type Call = (...words: unknown[]) => unknown;

/** One byte at least: no file system writes none and says so. */
function writeHalf(
	write: Call,
	[fd, bytes]: unknown[],
	error: Error | undefined,
): unknown {
	const all = bytes as Uint8Array;
	const written = write(fd, all.subarray(0, Math.ceil(all.length / 2)));
	if (error === undefined) return written;
	if (!(written instanceof Promise)) throw error;
	return written.then(() => {
		throw error;
	});
}

function callOf(operation: keyof FsLayer, words: unknown[]): FsCall {
	const [path, flags] = words;
	const isOpen = operation === "open" || operation === "openSync";
	return {
		operation,
		path: typeof path === "string" ? path : undefined,
		changes: isOpen ? flags !== "r" : changing.has(operation),
	};
}

/** An error as the operating system gives it. */
export function systemError(code: string, { operation, path }: FsCall): Error {
	const syscall = operation.replace(/Sync$/, "");
	const text = `${code}: made to fail, ${syscall} ${path ?? ""}`;
	return Object.assign(new Error(text), { code, syscall, path, errno: -1 });
}
