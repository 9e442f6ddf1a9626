import { basename, dirname, join } from "node:path";
import type { FileKind } from "./backend.ts";

/** Where the files of a repository lie in a local directory. */

export const folders = [
	"keys",
	"packs",
	"segments",
	"snapshots",
	"labels",
	"forgotten",
	"policies",
	"leases",
	"gc",
	"quarantine",
	"tmp",
] as const;

/** packs/00 to packs/ff: a pack lies in the one its name begins with. */
export const packFolders: readonly string[] = Array.from(
	{ length: 256 },
	(_, i) => i.toString(16).padStart(2, "0"),
);

type Single = "config" | "copies/config" | "reserve";

/** Kinds that are one file, and no folder. */
export function isSingle(kind: FileKind): kind is Single {
	return kind === "config" || kind === "copies/config" || kind === "reserve";
}

/** Kinds whose files lie in folders by the first two digits of their names. */
export function isFanned(kind: FileKind): kind is "packs" | "copies/packs" {
	return kind === "packs" || kind === "copies/packs";
}

const plainName = /^[0-9A-Za-z][0-9A-Za-z._-]*$/;

/** The folder, below the root, that holds this file. */
export function folderOf(kind: FileKind, name: string): string {
	if (!plainName.test(name))
		throw new Error(`not a name of a file in a repository: ${name}`);
	if (isSingle(kind)) {
		if (name !== basename(kind))
			throw new Error(`there is no ${kind} named ${name}`);
		return dirname(kind);
	}
	return isFanned(kind) ? `${kind}/${name.slice(0, 2)}` : kind;
}

/** All folders, below the root, that files of this kind lie in, and that these lie in. */
export function foldersOf(kind: FileKind): string[] {
	if (isSingle(kind)) return [dirname(kind)];
	if (!isFanned(kind)) return [kind];
	return [...packFolders.map((folder) => `${kind}/${folder}`), kind];
}

export function pathOf(root: string, kind: FileKind, name: string): string {
	return join(root, folderOf(kind, name), name);
}

/** Of the lease with this id. */
export function stagePath(root: string, lease: string): string {
	return join(root, "tmp", lease);
}

export const isStageName = (name: string) => /^[0-9a-f]{32}$/.test(name);
