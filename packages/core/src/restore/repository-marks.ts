import { lstatSync, realpathSync } from "node:fs";
import { dirname } from "node:path";
import { decodeName, InputError } from "@varve/format";
import type { Repository } from "../repository.ts";
import { codeOf, systemPath } from "../system.ts";

const marks = ["config", "packs", "segments", "snapshots", "copies", "leases"];

/** True of the names in a repository, whoever's it is, and also if some are lost: what may be one is not written to. */
export function looksLikeRepository(names: Iterable<string>): boolean {
	const there = new Set(names);
	if (there.has("packs") && there.has("snapshots")) return true;
	return marks.filter((name) => there.has(name)).length >= 3;
}

/**
 * InputError "TARGET_IN_REPOSITORY" if one of the paths is, or lies in, a repository: that being read (`own`, as `dev:ino`), or any.
 * Paths need not be there.
 */
export function requireNoRepository(
	paths: Iterable<string>,
	own: ReadonlySet<string>,
): void {
	const passed = new Set<string>();
	for (const path of paths) {
		let at = realPathOf(path);
		while (!passed.has(at)) {
			passed.add(at);
			if (isRepository(at, own)) throw inRepository(path, at);
			at = dirname(at);
		}
	}
}

/** The one being read, as `dev:ino`. */
export function repositoryOf({
	backend,
}: Pick<Repository, "backend">): ReadonlySet<string> {
	const path = backend.descriptor?.path;
	const id = path === undefined ? undefined : identityOf(path);
	return new Set(id === undefined ? [] : [id]);
}

/** As `dev:ino`; undefined if nothing can be seen there. */
export function identityOf(path: string): string | undefined {
	try {
		const stat = lstatSync(systemPath(path), {
			bigint: true,
			throwIfNoEntry: false,
		});
		return stat && `${stat.dev}:${stat.ino}`;
	} catch (error) {
		if (codeOf(error) === undefined) throw error;
		return undefined;
	}
}

function isRepository(path: string, own: ReadonlySet<string>): boolean {
	const id = identityOf(path);
	if (id === undefined) return false;
	const base = path === "/" ? "" : path;
	return (
		own.has(id) ||
		looksLikeRepository(
			marks.filter((name) => identityOf(`${base}/${name}`) !== undefined),
		)
	);
}

/** Of the nearest directory above that is there. */
function realPathOf(path: string): string {
	for (let at = path || "/"; ; at = dirname(at))
		try {
			const bytes = realpathSync.native(systemPath(at), { encoding: "buffer" });
			return decodeName(Uint8Array.from(bytes));
		} catch (error) {
			if (codeOf(error) === undefined) throw error;
			if (at === "/") return at;
		}
}

function inRepository(path: string, repository: string): InputError {
	return new InputError(
		"TARGET_IN_REPOSITORY",
		`cannot restore into ${path}: ${repository} is a repository, or looks like one, and nothing is restored into that`,
		{ target: path, repository },
	);
}
