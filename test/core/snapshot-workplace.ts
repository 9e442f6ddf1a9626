import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { wholeScope } from "@varve/format";
import { afterAll } from "vitest";
import {
	initRepository,
	openRepository,
} from "../../packages/core/src/compose.ts";
import type { VerbEvent } from "../../packages/core/src/events.ts";
import type { Clock } from "../../packages/core/src/ports.ts";
import type { Repository } from "../../packages/core/src/repository.ts";
import type {
	SnapshotOptions,
	SnapshotResult,
} from "../../packages/core/src/snapshot/options.ts";
import { snapshot } from "../../packages/core/src/snapshot/snapshot.ts";

/** A folder of its own for a test file, and repositories in it. */
export function workplace(name: string) {
	const folder = mkdtempSync(join(tmpdir(), `varve-${name}-`));
	const opened: Repository[] = [];
	let count = 0;
	afterAll(async () => {
		for (const repository of opened) await repository.close();
		rmSync(folder, { recursive: true, force: true });
	});
	const fresh = (what: string) => join(folder, `${what}${++count}`);
	return {
		fresh,
		async repository(
			options: {
				workers?: number;
				location?: string;
				cache?: string;
				clock?: Clock;
			} = {},
		) {
			const events: VerbEvent[] = [];
			const {
				workers = 0,
				location = fresh("repository"),
				cache = fresh("cache"),
				clock,
			} = options;
			const open = {
				location,
				cacheFolder: cache,
				workers,
				clock,
				observer: {
					on: (event: VerbEvent) => void events.push(event),
					detail: false,
				},
			};
			const repository =
				options.location === undefined
					? await initRepository(open)
					: await openRepository(open);
			opened.push(repository);
			return Object.assign(repository, {
				events,
				location,
				cacheFolder: cache,
			});
		},
	};
}

/** A clock that is far ahead of every file's times, so that nothing is too young to be trusted. */
export const lateClock: Clock = {
	now: () => Date.now() + 3_600_000,
	offsetMinutes: () => 0,
};

/** Takes a snapshot of one directory. */
export function take(
	repository: Repository,
	path: string,
	options: Partial<SnapshotOptions> = {},
): Promise<SnapshotResult> {
	return snapshot(repository, {
		roots: [{ path, kind: "directory", names: [] }],
		scope: wholeScope,
		...options,
	});
}

export const treeOf = ({ record }: SnapshotResult) => record.roots[0]?.tree;
