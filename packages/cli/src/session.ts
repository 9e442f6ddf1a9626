import { statSync } from "node:fs";
import { resolve } from "node:path";
import { InputError } from "@varve/core";
import { type FoundRepository, findRepository } from "./find-repository.ts";
import { defaultCacheFolder } from "./folders.ts";
import type { GlobalOptions } from "./global-options.ts";
import type { Log } from "./log-file.ts";
import type { Report } from "./report.ts";
import type { Screen } from "./screen.ts";
import type { Surroundings } from "./surroundings.ts";
import type { Watcher } from "./watcher.ts";

/** What a command works with. */
export interface Session {
	readonly options: GlobalOptions;
	readonly surroundings: Surroundings;
	readonly screen: Screen;
	readonly report: Report;
	readonly watcher: Watcher;
	readonly log: Log;
	/** Aborted by SIGINT and SIGTERM. */
	readonly signal: AbortSignal;
}

/** Where the repository is, whether it is there or not. */
export function locateRepository(session: Session): FoundRepository {
	const { surroundings, options } = session;
	return findRepository({
		...surroundings,
		flag: options.repo,
		isDirectory: isDirectory,
	});
}

/** Where the client cache lies; undefined with --no-cache. */
export function cacheFolder(session: Session): string | undefined {
	const { surroundings, options } = session;
	if (!options.cache) return undefined;
	return options.cacheDir === undefined
		? defaultCacheFolder(surroundings)
		: resolve(surroundings.cwd, options.cacheDir);
}

/** Throws where it cannot tell. */
export function isDirectory(path: string): boolean {
	try {
		return statSync(path, { throwIfNoEntry: false })?.isDirectory() ?? false;
	} catch (cause) {
		const { code } = cause as NodeJS.ErrnoException;
		if (code === "ENOTDIR" || code === "ELOOP") return false;
		throw new InputError(
			"CANNOT_TELL",
			`cannot tell whether ${path} is there: ${(cause as Error).message}`,
			{ path },
			{ cause },
		);
	}
}
