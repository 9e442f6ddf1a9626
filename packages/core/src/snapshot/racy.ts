import { statfsSync } from "node:fs";
import { reach } from "../native/long-path.ts";
import { codeOf } from "../system.ts";

/**
 * File systems whose times come from this machine's clock in steps of at most 2 s: ext2 to 4, tmpfs, xfs, btrfs, overlayfs, ramfs, f2fs,
 * zfs, squashfs, bcachefs, msdos, exfat. Numbers of statfs(2).
 */
const localTypes: ReadonlySet<number> = new Set([
	0xef53, 0x01021994, 0x58465342, 0x9123683e, 0x794c7630, 0x858458f6,
	0xf2f52010, 0x2fc12fc1, 0x73717368, 0xca451a4e, 0x4d44, 0x2011bab0,
]);
const localWindow = 2_000;
/** Elsewhere times may come from another machine's clock, or in steps nobody knows. */
const remoteWindow = 60_000;

/**
 * Milliseconds before a snapshot within which a change must be distrusted: a file that changed so shortly before it was looked at may
 * change again without its times telling. The longest of the roots' windows.
 */
export function racyWindow(paths: readonly string[]): number {
	return paths.every(isLocal) ? localWindow : remoteWindow;
}

function isLocal(path: string): boolean {
	try {
		return localTypes.has(
			Number(reach(path, (reached) => statfsSync(reached)).type),
		);
	} catch (error) {
		// Gone or not to be looked at: the walk will say so.
		if (codeOf(error) === undefined) throw error;
		return false;
	}
}
