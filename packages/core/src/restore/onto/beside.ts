import { randomBytes } from "node:crypto";
import { accessSync, constants, lstatSync, renameSync } from "node:fs";
import { journalPrefix } from "../../journal-folder.ts";
import { projectOf } from "../../native/project-id.ts";
import { codeOf, systemPath } from "../../system.ts";
import { realPlaceOf } from "./found-journals.ts";
import type { HomeSpot } from "./homes.ts";
import type { Spot } from "./items.ts";
import { lookFor } from "./live-directory.ts";
import type { Top } from "./tops.ts";

export interface Surroundings {
	/** All that is restored: no journal lies in it if it can lie beside it. */
	readonly restored: readonly Spot[];
	/** Opens a directory, or says which top it is already. The caller closes it. */
	readonly topAt: (path: string) => Top;
}

/**
 * The directory that something lies in, if the journal of its restore can lie there: entries can be moved between the two by rename, we
 * may write to it, others cannot take our folder away, and it is not restored itself. undefined if not.
 */
export function besideOf(
	spot: Spot,
	surroundings: Surroundings,
): HomeSpot | undefined {
	try {
		const home =
			spot.suffix === "" ? aboveTop(spot, surroundings) : aboveEntry(spot);
		if (home === undefined || isWithin(home, surroundings.restored))
			return undefined;
		return mayHold(home) && isReachedFrom(home, spot) ? home : undefined;
	} catch (error) {
		if (codeOf(error) === undefined) throw error;
		return undefined;
	}
}

function aboveTop(
	{ top }: Spot,
	{ topAt }: Surroundings,
): HomeSpot | undefined {
	const place = realPlaceOf(top.display(""));
	if (place === undefined) return undefined;
	const home = { top: topAt(place.home), suffix: "", of: [place.name] };
	const above = identityOf(`${top.tree.pathText("")}/..`);
	return above === identityOf(home.top.tree.pathText("")) ? home : undefined;
}

/** The nearest directory above that is there. */
function aboveEntry({ top, suffix }: Spot): HomeSpot {
	let above = suffix;
	do above = above.slice(0, above.lastIndexOf("/"));
	while (above !== "" && !isDirectory({ top, suffix: above }));
	const [name] = suffix.slice(above.length + 1).split("/");
	return { top, suffix: above, of: [name as string] };
}

function isDirectory({ top, suffix }: Spot): boolean {
	return lookFor(top, suffix)?.stat.isDirectory() === true;
}

/** By real paths: roots are reached through links, too. */
function isWithin(home: Spot, restored: readonly Spot[]): boolean {
	const at = realPathOf(home);
	return restored.some((spot) => `${at}/`.startsWith(`${realPathOf(spot)}/`));
}

/** Nothing is followed below a top. "" for "/". */
function realPathOf({ top, suffix }: Spot): string {
	const place = realPlaceOf(top.display(""));
	return (place === undefined ? "" : `${place.home}/${place.name}`) + suffix;
}

/** In a directory that all may write to without being told apart, others could move the folder away. */
function mayHold({ top, suffix }: Spot): boolean {
	const path = systemPath(`${top.tree.directory(suffix).self}/.`);
	const { mode } = lstatSync(path);
	if ((mode & 0o002) !== 0 && (mode & 0o1000) === 0) return false;
	// Where it could not be found again it must not be, either.
	accessSync(path, constants.R_OK | constants.W_OK | constants.X_OK);
	return true;
}

/**
 * What is mounted elsewhere may have the same device: only a rename knows. That of a name which is not there changes nothing, but does not
 * come as far as the quotas of projects.
 */
function isReachedFrom(home: Spot, spot: Spot): boolean {
	const live = lookFor(spot.top, spot.suffix);
	if (live?.stat.isDirectory() !== true) return true;
	const self = (at: Spot) => at.top.tree.directory(at.suffix).self;
	const device = lstatSync(`${self(home)}/.`, { bigint: true }).dev;
	if (device !== live.stat.dev) return false;
	if (projectOf(self(home)) !== projectOf(self(spot))) return false;
	const name = `${journalPrefix}${randomBytes(8).toString("hex")}`;
	const [from, to] = [`${self(home)}/${name}`, `${self(spot)}/${name}`];
	try {
		renameSync(systemPath(from), systemPath(to));
	} catch (error) {
		return codeOf(error) === "ENOENT";
	}
	return false;
}

function identityOf(path: string): string {
	const { dev, ino } = lstatSync(systemPath(path), { bigint: true });
	return `${dev}:${ino}`;
}
