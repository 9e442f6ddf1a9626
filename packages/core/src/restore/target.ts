import {
	mkdirSync,
	opendirSync,
	type Stats,
	statfsSync,
	statSync,
} from "node:fs";
import { dirname, resolve } from "node:path";
import { TargetError } from "@varve/format";
import { type AccountMaps, sameAccounts } from "../accounts.ts";
import { codeOf } from "../system.ts";
import {
	closeTarget,
	openTarget,
	pathOf,
	sayingOf,
	type TargetRoot,
} from "./target-tree.ts";
import type { OwnerRules } from "./tasks.ts";

/** A target as it was found before anything is done. */
export interface CheckedTarget {
	/** Absolute. */
	readonly path: string;
	/** The empty directory it was; undefined if nothing was there. */
	readonly found: Pick<Stats, "dev" | "ino"> | undefined;
}

/**
 * A target must be a new or an empty directory.
 * TargetError: "TARGET_NOT_EMPTY", "TARGET_NOT_DIRECTORY", or "TARGET_FAILED" with its cause.
 */
export function checkTarget(target: string): CheckedTarget {
	const path = resolve(target);
	return attempt(path, () => {
		const found = statSync(path, { throwIfNoEntry: false });
		if (found !== undefined && !found.isDirectory())
			throw new TargetError(
				"TARGET_NOT_DIRECTORY",
				`the target ${path} is not a directory: name a new or an empty directory`,
				{ target: path },
			);
		if (found !== undefined) requireEmpty(path, path);
		return { path, found };
	});
}

/**
 * Makes the target if there was none, and opens it: what is opened is what was checked or made, whatever the path leads to by then. Errors
 * as of `checkTarget`.
 */
export function enterTarget({ path, found }: CheckedTarget): TargetRoot {
	return attempt(path, () => {
		const isNew = found === undefined;
		const isMade = makeDirectory(path);
		if (isNew && !isMade) throw changed(path);
		const root = openTarget(path, { followsLink: !isNew });
		try {
			const { dev, ino } = statSync(pathOf(root));
			if (!isNew && (dev !== found.dev || ino !== found.ino))
				throw changed(path);
			requireEmpty(pathOf(root), path);
		} catch (error) {
			closeTarget(root);
			throw error;
		}
		return root;
	});
}

/**
 * Makes a directory and those above it, one by one: Node's recursive call tries for ever where mkdir says ENOENT, as in /proc, and says
 * ENOENT itself on a file system that is read-only. False if it was there.
 */
function makeDirectory(path: string): boolean {
	const missing: string[] = [];
	let at = path;
	while (statSync(at, { throwIfNoEntry: false }) === undefined) {
		missing.push(at);
		at = dirname(at);
	}
	for (const one of missing.reverse())
		try {
			mkdirSync(one);
		} catch (error) {
			const isAbove = one !== path;
			if (!isAbove || codeOf(error) !== "EEXIST") throw error;
		}
	return missing.length > 0;
}

function changed(path: string): TargetError {
	return new TargetError(
		"TARGET_FAILED",
		`cannot restore into ${path}: something else is there since this restore began`,
		{ target: path },
	);
}

function attempt<T>(path: string, action: () => T): T {
	try {
		return action();
	} catch (cause) {
		const code = codeOf(cause);
		if (code === undefined) throw cause;
		throw new TargetError(
			code === "ENOTDIR" ? "TARGET_NOT_DIRECTORY" : "TARGET_FAILED",
			`cannot restore into ${path}: ${sayingOf(cause as Error)}`,
			{ target: path },
			{ cause },
		);
	}
}

function requireEmpty(directoryPath: string, path: string): void {
	const directory = opendirSync(directoryPath);
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
