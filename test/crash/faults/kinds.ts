import { StorageError } from "@varve/core";
import {
	type FsCall,
	type FsPlan,
	HalfWrite,
	systemError,
} from "../planned-fs.ts";

type Fate = ReturnType<FsPlan>;

/** A way in which the storage fails. */
export interface FaultKind {
	readonly name: string;
	/** Code of the error that work may end with; undefined if it may end with none. */
	readonly code: string | undefined;
	/** Calls go on to fail. */
	readonly lasts: boolean;
	/** When all is lost that no fsync has covered: as soon as the work has ended, or once it has been done again without faults. */
	readonly powerLoss: "at once" | "when done again" | undefined;
	/** What happens to the calls of the file system that it can happen to; undefined for a fault of the backend. */
	readonly disk:
		| {
				readonly hits: (call: FsCall) => boolean;
				readonly fate: (call: FsCall) => Fate;
		  }
		| undefined;
}

/** What the class of an error of the operating system is called by the store. */
const codes = {
	EIO: "STORAGE_FAILED",
	ENOSPC: "NO_SPACE",
	EDQUOT: "NO_SPACE",
	EACCES: "REFUSED",
	EROFS: "REFUSED",
} as const;
type Errno = keyof typeof codes;

const errnos = Object.keys(codes) as Errno[];
const full: readonly Errno[] = ["ENOSPC", "EDQUOT"];

const any = () => true;
const changes = (call: FsCall) => call.changes;
const isWrite = ({ operation }: FsCall) =>
	operation === "write" || operation === "writeSync";
const isSync = ({ operation }: FsCall) => operation === "fsync";
/** On a full disk something can still be removed. */
const takesRoom = (call: FsCall) =>
	call.changes && !/^(unlink|rmdir)/.test(call.operation);

const once = { lasts: false, powerLoss: undefined };
const lasting = { lasts: true, powerLoss: undefined };
const failing = (errno: Errno, hits: (call: FsCall) => boolean) => ({
	hits,
	fate: (call: FsCall) => systemError(errno, call),
});

const backendCodes = ["STORAGE_FAILED", "NO_SPACE", "REFUSED"];

/** All of them. "Full" and "read-only" are what a disk is from then on: what changes nothing, or gives room, goes on to work. */
export const faultKinds: readonly FaultKind[] = [
	...errnos.flatMap((errno): FaultKind[] => [
		{
			name: `${errno}, once`,
			code: codes[errno],
			...once,
			disk: failing(errno, any),
		},
		{
			name: `${errno}, from then on`,
			code: codes[errno],
			...lasting,
			disk: failing(errno, any),
		},
	]),
	...full.map((errno) => ({
		name: `${errno}, full from then on`,
		code: codes[errno],
		...lasting,
		disk: failing(errno, takesRoom),
	})),
	{
		name: "EROFS, read-only from then on",
		code: codes.EROFS,
		...lasting,
		disk: failing("EROFS", changes),
	},
	...[once, lasting].map((how) => ({
		name: `a short write, ${how.lasts ? "from then on" : "once"}`,
		code: undefined,
		...how,
		disk: { hits: isWrite, fate: () => new HalfWrite() },
	})),
	...(["EIO", ...full] as const).map((errno) => ({
		name: `a short write, then ${errno}`,
		code: codes[errno],
		...once,
		disk: {
			hits: isWrite,
			fate: (call: FsCall) => new HalfWrite(systemError(errno, call)),
		},
	})),
	...(["at once", "when done again"] as const).flatMap((powerLoss) =>
		(["EIO", ...full] as const).map((errno) => ({
			name: `${errno} of an fsync, and power is lost ${powerLoss}`,
			code: codes[errno],
			...{ lasts: false, powerLoss },
			disk: failing(errno, isSync),
		})),
	),
	...backendCodes.flatMap((code) =>
		[once, lasting].map((how) => ({
			name: `${code} of the backend, ${how.lasts ? "from then on" : "once"}`,
			code,
			...how,
			disk: undefined,
		})),
	),
];

/** What no storage may do: with this the campaign must fail. */
export const lyingSync: FaultKind = {
	name: "an fsync that does nothing, and power is lost",
	code: undefined,
	lasts: false,
	powerLoss: "at once",
	disk: { hits: isSync, fate: () => "nothing" },
};

export function backendError(code: string): Error {
	return new StorageError(code, "made to fail", {});
}
