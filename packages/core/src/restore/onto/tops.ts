import { lstatSync, statSync } from "node:fs";
import type { SnapshotRecord } from "@varve/format";
import type { OpenAt } from "../../native/open-at.ts";
import { codeOf, systemPath } from "../../system.ts";
import type { Located, Location } from "../locate.ts";
import {
	closeTarget,
	openTarget,
	type TargetDirectory,
	type TargetRoot,
	TargetTree,
} from "../target-tree.ts";
import { mountOf } from "./mounts.ts";

/**
 * A directory that is reached as the user's path leads, through links too. Below it nothing is ever followed: entries are named by
 * their suffix, and reached through open directories.
 */
export class Top {
	/** Absolute, without "/" at its end: "" for "/". */
	readonly path: string;
	readonly tree: TargetTree;
	readonly device: bigint;
	/** See `mountOf`. */
	readonly mount: string | undefined;
	readonly root: TargetRoot;
	readonly #held = new Set<TargetDirectory>();

	constructor(path: string, openAt?: OpenAt | undefined) {
		this.path = path === "/" ? "" : path;
		this.root = openTarget(path === "" ? "/" : path);
		this.tree = new TargetTree(this.root, { openAt });
		this.device = lstatSync(this.tree.path(""), { bigint: true }).dev;
		this.mount = mountOf(this.root);
	}

	/** As users see it. */
	display(suffix: string): string {
		return this.path + suffix || "/";
	}

	/** Keeps a directory open until it is released, or the top is closed. */
	hold(suffix: string): TargetDirectory {
		const directory = this.tree.hold(suffix);
		this.#held.add(directory);
		return directory;
	}

	release(directory: TargetDirectory): void {
		if (this.#held.delete(directory)) this.tree.release(directory);
	}

	close(): void {
		for (const directory of this.#held) this.release(directory);
		this.tree.close();
		closeTarget(this.root);
	}
}

/** Something of the snapshot, and where it belongs. */
export interface Placed {
	readonly located: Located;
	readonly top: Top;
	/** Of `located` below the top. */
	readonly suffix: string;
}

export interface PlacingOptions {
	/** The directory restored into; undefined: each root to where it came from. */
	readonly target: string | undefined;
	readonly record: Pick<SnapshotRecord, "roots">;
	readonly openAt?: OpenAt | undefined;
}

/** Finds the directories that are there already for what was located. The caller closes the tops, each once. */
export function placeAll(
	{ prefix, found }: Location,
	{ target, record, openAt }: PlacingOptions,
): { readonly tops: readonly Top[]; readonly placed: readonly Placed[] } {
	const tops = new Map<string, Top>();
	const topAt = (path: string) => {
		const known = tops.get(path);
		if (known !== undefined) return known;
		const top = new Top(path, openAt);
		tops.set(path, top);
		return top;
	};
	const placed = found.map((located): Placed => {
		if (target !== undefined) {
			const suffix = located.path.slice(prefix.length);
			return { located, top: topAt(trimmed(target)), suffix };
		}
		const root = trimmed(record.roots[located.root]?.path ?? "/");
		const top = topAt(nearestDirectory(root));
		return { located, top, suffix: located.path.slice(top.path.length) };
	});
	return { tops: [...tops.values()], placed };
}

/** The directory itself, but not if a symlink leads to it; or else the nearest one above it that is there. */
function nearestDirectory(path: string): string {
	const first = isLink(path) ? path.slice(0, path.lastIndexOf("/")) : path;
	for (let at = first; at !== ""; at = at.slice(0, at.lastIndexOf("/")))
		if (isDirectory(at)) return at;
	return "";
}

function isLink(path: string): boolean {
	if (path === "") return false;
	try {
		const stat = lstatSync(systemPath(path), { throwIfNoEntry: false });
		return stat?.isSymbolicLink() ?? false;
	} catch (error) {
		if (codeOf(error) === "ENOTDIR") return false;
		throw error;
	}
}

function isDirectory(path: string): boolean {
	try {
		const stat = statSync(systemPath(path), { throwIfNoEntry: false });
		return stat?.isDirectory() ?? false;
	} catch (error) {
		const code = codeOf(error);
		if (code === "ENOTDIR" || code === "ELOOP") return false;
		throw error;
	}
}

function trimmed(path: string): string {
	return path.replace(/\/+$/, "");
}
