import { type Attribute, decodeName, utf8 } from "@varve/format";
import { codeOf } from "../system.ts";
import { isAcl, mapAcl } from "./acl-ids.ts";
import type { OpenEntry } from "./open-entry.ts";
import type { Owners } from "./owners.ts";

/** Files are made with this mode: nobody else can read them until they are whole. */
export const createMode = 0o600;
/** The same for directories. */
export const createDirectoryMode = 0o700;

const accessAcl = utf8("system.posix_acl_access");
const defaultAcl = utf8("system.posix_acl_default");
export const lostXattrs = "extended attributes";

export interface GivenAttributes {
	/** What it has judged for this entry. */
	readonly owners: Owners;
	readonly seconds: number;
	readonly nanoseconds: number;
	readonly xattrs: readonly Attribute[];
	readonly kind: "file" | "directory" | "symlink" | "special";
	/** It has the ACL that its directory hands on, which is to go. */
	readonly inheritsAcl: boolean;
}

export interface AttributeSink {
	/** Runs one change. One that is refused does not keep the others from being made. */
	attempt(change: () => void): void;
	/** Counts an entry that something was not given back to. */
	lose(what: string): void;
}

/**
 * Gives an entry its attributes, in this order: a change of owner clears set-id bits and capabilities, an ACL changes the mode, and
 * every change may move times. At no moment is it open to anyone to whom it is not in the end: what is given away is closed to its
 * new owner too, until the ACL and at last the mode say who may.
 */
export function giveAttributes(
	entry: OpenEntry,
	{ owners, xattrs, kind, ...given }: GivenAttributes,
	sink: AttributeSink,
): void {
	const hasMode = kind !== "symlink";
	const closed = kind === "directory" ? createDirectoryMode : createMode;
	if (given.inheritsAcl && hasMode) dropAcls(entry, kind, sink);
	if (owners.givesAway && hasMode && (owners.mode & closed) !== closed)
		sink.attempt(() => entry.chmod(owners.mode & closed));
	if (owners.changes) sink.attempt(() => entry.chown(owners.uid, owners.gid));
	if (xattrs.length > 0) setXattrs(entry, { owners, xattrs }, sink);
	if (
		hasMode &&
		(owners.mode !== closed || owners.changes || xattrs.length > 0)
	)
		sink.attempt(() => entry.chmod(owners.mode));
	sink.attempt(() => entry.setTime(given.seconds, given.nanoseconds));
}

/** A new entry has no ACL but those it is given: what its directory hands on would open it to others once its mode is set. */
export function dropAcls(
	{ xattrs }: OpenEntry,
	kind: GivenAttributes["kind"],
	{ attempt }: Pick<AttributeSink, "attempt">,
): void {
	if (xattrs === undefined) return;
	attempt(() => xattrs.remove(accessAcl));
	if (kind === "directory") attempt(() => xattrs.remove(defaultAcl));
}

function setXattrs(
	entry: OpenEntry,
	{ owners, xattrs }: Pick<GivenAttributes, "owners" | "xattrs">,
	{ attempt, lose }: AttributeSink,
): void {
	const calls = entry.xattrs;
	if (calls === undefined) {
		lose(lostXattrs);
		return;
	}
	const lost = new Set<string>();
	for (const { name, value } of xattrs) {
		const given = isAcl(name) ? mapAcl(value, owners) : value;
		attempt(() => {
			try {
				calls.set(name, given);
			} catch (error) {
				const space = rootsSpace(name);
				if (owners.isRoot || space === undefined || !isRefused(error))
					throw naming(error, name);
				lost.add(`${lostXattrs} ${space}.*`);
			}
		});
	}
	for (const what of lost) lose(what);
}

/** The namespace of an attribute that only root may set, without its dot. */
function rootsSpace(name: Attribute["name"]): string | undefined {
	const [space] = decodeName(name).split(".", 1);
	return space === "trusted" || space === "security" ? space : undefined;
}

function isRefused(error: unknown): boolean {
	const code = codeOf(error);
	return code === "EPERM" || code === "EACCES";
}

/** Says which attribute it was. */
function naming(error: unknown, name: Attribute["name"]): unknown {
	const code = codeOf(error);
	if (code === undefined) return error;
	const shown = JSON.stringify(decodeName(name).toWellFormed());
	return Object.assign(
		new Error(`${code}: the extended attribute ${shown} cannot be set`, {
			cause: error,
		}),
		{ code },
	);
}
