import { mkdirSync, opendirSync, statfsSync, statSync } from "node:fs";
import { resolve } from "node:path";
import { TargetError } from "@varve/format";
import { type AccountMaps, sameAccounts } from "../accounts.ts";
import { codeOf } from "../system.ts";
import type { OwnerRules } from "./tasks.ts";

/**
 * The absolute path of a directory that is new or empty; with `create`, it is made.
 * TargetError: "TARGET_NOT_EMPTY", "TARGET_NOT_DIRECTORY", or "TARGET_FAILED" with its cause.
 */
export function prepareTarget(target: string, create: boolean): string {
	const path = resolve(target);
	try {
		const stat = statSync(path, { throwIfNoEntry: false });
		if (stat === undefined) {
			if (create) mkdirSync(path, { recursive: true });
		} else if (!stat.isDirectory())
			throw new TargetError(
				"TARGET_NOT_DIRECTORY",
				`the target ${path} is not a directory: name a new or an empty directory`,
				{ target: path },
			);
		else requireEmpty(path);
	} catch (cause) {
		const code = codeOf(cause);
		if (code === undefined) throw cause;
		throw new TargetError(
			code === "ENOTDIR" ? "TARGET_NOT_DIRECTORY" : "TARGET_FAILED",
			`cannot restore into ${path}: ${(cause as Error).message}`,
			{ target: path },
			{ cause },
		);
	}
	return path;
}

function requireEmpty(path: string): void {
	const directory = opendirSync(path);
	try {
		if (directory.readSync() === null) return;
	} finally {
		directory.closeSync();
	}
	throw new TargetError("TARGET_NOT_EMPTY", `the target ${path} is not empty`, {
		target: path,
	});
}

/** How files in the target come by their owners. */
export function ownerRulesOf(
	target: string,
	accounts: AccountMaps = sameAccounts,
): OwnerRules {
	const uid = process.geteuid?.() ?? 0;
	const gid = process.getegid?.() ?? 0;
	const stat = statSync(target);
	const setGroupId = 0o2000;
	return {
		uid,
		gid,
		groups: process.getgroups?.() ?? [],
		// The second covers file systems where each directory hands on its group.
		inheritsGroup: (stat.mode & setGroupId) !== 0 || stat.gid !== gid,
		accounts,
	};
}

export interface Space {
	readonly bytes: number;
	/** Files and directories that can still be made; undefined where there is no such limit. */
	readonly entries: number | undefined;
	readonly blockBytes: number;
}

/** What the target's file system can still take, or undefined where it does not tell. */
export function spaceAt(target: string): Space | undefined {
	const { bsize, blocks, bavail, files, ffree } = statfsSync(target);
	if (blocks === 0) return undefined;
	return {
		bytes: bavail * bsize,
		entries: files === 0 ? undefined : ffree,
		blockBytes: bsize,
	};
}
