import { mkdtempSync, readdirSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { type Config, wholeScope } from "@varve/format";
import type { RemoveBackend } from "@varve/store";
import { afterAll } from "vitest";
import {
	initRepository,
	openRepository,
} from "../../packages/core/src/compose.ts";
import type { VerbEvent } from "../../packages/core/src/events.ts";
import type {
	Repository,
	Snapshot,
} from "../../packages/core/src/repository.ts";
import { snapshot } from "../../packages/core/src/snapshot/snapshot.ts";

export type TestRepository = Repository & {
	readonly events: VerbEvent[];
	readonly cacheFolder: string;
};

export interface RepositoryOptions {
	readonly location?: string | RemoveBackend;
	readonly isThere?: boolean;
	readonly cacheFolder?: string;
	readonly detail?: boolean;
	/** Is told each event, at once. */
	readonly on?: (event: VerbEvent) => void;
	readonly parameters?: Partial<Omit<Config, "id" | "created">>;
}

/** Small chunks, frames and packs, so that small trees have several of each. */
export const smallParameters = {
	chunker: { algorithm: "gear1", min: 256, average: 1024, max: 4096 },
	frameBytes: 4096,
	packBytes: 32 * 1024,
} as const;

/** In ms: some tests leave hundreds of repositories, and disks may be busy. */
const cleanUpTime = 300_000;

/** A folder for a test file; everything in it goes when the tests are done. */
export function readingPlace(name: string) {
	const folder = mkdtempSync(join(tmpdir(), `varve-${name}-`));
	const opened: Repository[] = [];
	let count = 0;
	const fresh = (what: string) => join(folder, `${what}${++count}`);
	afterAll(async () => {
		for (const repository of opened) await repository.close();
		rmSync(folder, { recursive: true, force: true });
	}, cleanUpTime);
	return {
		fresh,
		async repository(options: RepositoryOptions = {}): Promise<TestRepository> {
			const events: VerbEvent[] = [];
			const {
				location = fresh("repository"),
				cacheFolder = fresh("cache"),
				detail = false,
				parameters = smallParameters,
				isThere = false,
			} = options;
			const on = (event: VerbEvent) => {
				events.push(event);
				options.on?.(event);
			};
			const given = {
				location,
				cacheFolder,
				workers: 0,
				observer: { on, detail },
			};
			const repository = isThere
				? await openRepository(given)
				: await initRepository({ ...given, parameters });
			opened.push(repository);
			return Object.assign(repository, { events, cacheFolder });
		},
	};
}

/** Takes a snapshot of directories. */
export async function takeSnapshot(
	repository: Repository,
	...paths: string[]
): Promise<Snapshot> {
	const { id, record } = await snapshot(repository, {
		roots: paths.map((path) => ({ path, kind: "directory", names: [] })),
		scope: wholeScope,
	});
	if (id === undefined) throw new Error("no snapshot was taken");
	return asSnapshot({ id, record });
}

export function asSnapshot({
	id,
	record,
}: Pick<Snapshot, "id" | "record">): Snapshot {
	const { tags, pin, note } = record;
	return { id, record, tags, pin, note, expires: undefined, forgotten: false };
}

/** All paths below a folder, sorted, without the folder. */
export function pathsBelow(folder: string): string[] {
	return readdirSync(folder, { recursive: true, encoding: "utf8" }).sort();
}

/** Bytes that no compressor and no chunker finds anything in, always the same. */
export function noise(length: number, seed = 1): Uint8Array {
	const bytes = new Uint8Array(length);
	let state = seed;
	for (let i = 0; i < length; i++) {
		state = (Math.imul(state, 1_103_515_245) + 12_345) >>> 0;
		bytes[i] = state >>> 24;
	}
	return bytes;
}
