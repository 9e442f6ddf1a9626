import { fchmodSync, fchownSync } from "node:fs";
import type { NativeCalls } from "./native-times.ts";
import type { Owners } from "./owners.ts";

/** Files are made with this mode: nobody else can read them until they are whole. */
export const createMode = 0o600;

export interface FileAttributes {
	readonly owners: Owners;
	readonly native: NativeCalls;
	/** Runs one change. One that is refused does not keep the others from being made. */
	readonly attempt: (change: () => void) => void;
}

/** Gives an open file what `owners` has judged, and its time. In this order: a change of owner clears set-id bits. */
export function setFileAttributes(
	fd: number,
	time: { readonly seconds: number; readonly nanoseconds: number },
	{ owners, native, attempt }: FileAttributes,
): void {
	if (owners.changes) attempt(() => fchownSync(fd, owners.uid, owners.gid));
	if (owners.mode !== createMode || owners.changes)
		attempt(() => fchmodSync(fd, owners.mode));
	attempt(() => native.setFileTime(fd, time.seconds, time.nanoseconds));
}
