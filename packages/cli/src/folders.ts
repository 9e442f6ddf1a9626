import { isAbsolute, join } from "node:path";

/** Variables that are read. Options name theirs in their help; these are looked at elsewhere. */
export interface Environment {
	readonly VARVE_REPOSITORY?: string | undefined;
	readonly VARVE_PROGRESS_FPS?: string | undefined;
	readonly XDG_DATA_HOME?: string | undefined;
	readonly XDG_CACHE_HOME?: string | undefined;
	readonly LOCALAPPDATA?: string | undefined;
	/** Set by npm, while it runs the script of this name. */
	readonly npm_lifecycle_event?: string | undefined;
}

/** What is asked of the machine to find folders; given, so that a test can give another one. */
export interface UserPlace {
	readonly env: Environment;
	/** Absolute path of the user's home directory. */
	readonly home: string;
	readonly platform: NodeJS.Platform;
}

/** Where the user's default repository lies. */
export function defaultRepository(place: UserPlace): string {
	return join(dataFolder(place), "varve", "default");
}

/** Where the client cache lies unless the user says otherwise. */
export function defaultCacheFolder(place: UserPlace): string {
	if (place.platform === "win32")
		return join(localAppData(place), "varve", "cache");
	const base =
		place.platform === "darwin"
			? join(place.home, "Library", "Caches")
			: join(place.home, ".cache");
	return join(absolute(place.env.XDG_CACHE_HOME) ?? base, "varve");
}

function dataFolder(place: UserPlace): string {
	if (place.platform === "win32") return localAppData(place);
	const base =
		place.platform === "darwin"
			? join(place.home, "Library", "Application Support")
			: join(place.home, ".local", "share");
	return absolute(place.env.XDG_DATA_HOME) ?? base;
}

function localAppData({ env, home }: UserPlace): string {
	return absolute(env.LOCALAPPDATA) ?? join(home, "AppData", "Local");
}

/** The XDG specification: what is not absolute is to be ignored. */
function absolute(path: string | undefined): string | undefined {
	return path !== undefined && isAbsolute(path) ? path : undefined;
}
