import {
	InputError,
	parseLines,
	parseRawPaths,
	type Repository,
	resolveSources,
	type Scope,
	type SnapshotOptions,
	selectSnapshot,
	wholeScope,
} from "@varve/core";
import { readLists } from "./list-files.ts";
import type { Session } from "./session.ts";
import type { SnapshotFlags } from "./snapshot-flags.ts";
import { outputOf, type StreamSource, standardInput } from "./stream-source.ts";
import { parseTime } from "./times.ts";

/** What `varve snapshot` was called with. */
export interface SnapshotCall {
	readonly words: readonly string[];
	readonly flags: SnapshotFlags;
}

/** All that can be known before the repository is opened, so that a wrong call makes none. */
export type SnapshotRequest = Omit<SnapshotOptions, "parent" | "signal">;

export async function snapshotRequest(
	session: Session,
	call: SnapshotCall,
): Promise<SnapshotRequest> {
	const { flags } = call;
	const time = timeOf(session, flags);
	const scope = await scopeOf(session, flags);
	return {
		...(await sourcesOf(session, call)),
		scope,
		tags: flags.tag,
		pin: flags.pin,
		note: flags.note,
		host: flags.host,
		time,
		force: flags.force,
		dryRun: flags.dryRun,
		skipIfUnchanged: flags.skipIfUnchanged,
		verify: flags.verify,
		paranoid: flags.paranoid,
		compression: flags.compression,
		delta: flags.delta,
		readRate: flags.limitRead,
	};
}

/** The snapshot named by --parent. */
export async function parentOf(
	repository: Repository,
	{ parent }: SnapshotFlags,
): Promise<SnapshotOptions["parent"]> {
	if (parent === undefined) return undefined;
	return (await selectSnapshot(repository, parent)).id;
}

async function scopeOf(
	{ surroundings }: Session,
	flags: SnapshotFlags,
): Promise<Scope> {
	const files = await readLists(flags.excludeFile ?? [], surroundings);
	return {
		...wholeScope,
		excludes: [...(flags.exclude ?? []), ...files.flatMap(parseLines)],
		iexcludes: flags.iexclude ?? [],
		excludeIfPresent: flags.excludeIfPresent ?? [],
		excludeCaches: flags.excludeCaches ?? false,
		excludeLargerThan: flags.excludeLargerThan,
		gitignore: flags.gitignore ?? false,
		oneFileSystem: flags.oneFileSystem ?? false,
	};
}

type Sources = Pick<SnapshotOptions, "roots" | "missing" | "stream">;

async function sourcesOf(
	session: Session,
	call: SnapshotCall,
): Promise<Sources> {
	const { flags } = call;
	const bytes = streamOf(session, call);
	if (bytes !== undefined) {
		const stream = { name: flags.stdinFilename, ...bytes };
		return { roots: [], missing: [], stream };
	}
	const { surroundings } = session;
	const lists = await readLists(flags.filesFrom ?? [], surroundings);
	const raw = await readLists(flags.filesFromRaw ?? [], surroundings);
	return await resolveSources({
		words: [...call.words, ...lists.flatMap(parseLines)],
		literal: raw.flatMap(parseRawPaths),
		cwd: surroundings.cwd,
		oneFileSystem: flags.oneFileSystem ?? false,
	});
}

function streamOf(
	{ surroundings, signal }: Session,
	{ words, flags }: SnapshotCall,
): StreamSource | undefined {
	const { stdin, stdinFromCommand, filesFrom = [], filesFromRaw = [] } = flags;
	if (stdin !== true && stdinFromCommand !== true) return undefined;
	if (filesFrom.length + filesFromRaw.length > 0)
		throw wrongMixture("--files-from cannot be combined with --stdin");
	if (stdin === true && stdinFromCommand === true)
		throw wrongMixture("--stdin cannot be combined with --stdin-from-command");
	if (stdinFromCommand === true)
		return outputOf(words, { cwd: surroundings.cwd, signal });
	if (words.length > 0)
		throw wrongMixture(`--stdin takes no paths, but there is ${words[0]}`);
	return standardInput(surroundings.stdin, signal);
}

function wrongMixture(message: string): InputError {
	return new InputError("WRONG_MIXTURE", message);
}

function timeOf(
	{ surroundings }: Session,
	{ time }: SnapshotFlags,
): number | undefined {
	if (time === undefined) return undefined;
	const parsed = parseTime(time, surroundings.offsetAt);
	if (parsed === undefined)
		throw new InputError(
			"BAD_TIME",
			`${time} is not a time; write 2026-11-19, "2026-11-19 14:00" or 2026-11-19T14:00:00+01:00`,
			{ time },
		);
	return parsed;
}
