import { dirname, join, resolve } from "node:path";
import { defaultRepository, type UserPlace } from "./folders.ts";

/** How the repository was named. */
export type RepositoryOrigin = "flag" | "environment" | "upwards" | "default";

export interface FoundRepository {
	/** Absolute path, or a location that is no path, as given. */
	readonly location: string;
	readonly origin: RepositoryOrigin;
}

export interface Search extends UserPlace {
	/** Value of `-r`. */
	readonly flag: string | undefined;
	/** Absolute. */
	readonly cwd: string;
	/** True for a directory, false if there is none; throws where it cannot tell. */
	readonly isDirectory: (path: string) => boolean;
}

/** -r, then VARVE_REPOSITORY, then the nearest `.varve/` upwards, then the user's default repository, there or not. */
export function findRepository(search: Search): FoundRepository {
	const { flag, env, cwd } = search;
	if (flag !== undefined)
		return { location: resolve(cwd, flag), origin: "flag" };
	const named = env.VARVE_REPOSITORY;
	if (named !== undefined && named !== "")
		return { location: resolve(cwd, named), origin: "environment" };
	const near = nearest(search);
	if (near !== undefined) return { location: near, origin: "upwards" };
	return { location: defaultRepository(search), origin: "default" };
}

function nearest({ cwd, isDirectory }: Search): string | undefined {
	for (let at = cwd; ; at = dirname(at)) {
		const candidate = join(at, ".varve");
		if (isDirectory(candidate)) return candidate;
		if (dirname(at) === at) return undefined;
	}
}
