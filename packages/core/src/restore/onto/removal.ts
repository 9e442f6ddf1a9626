import type { BigIntStats } from "node:fs";
import { fstatSync, lstatSync, readFileSync } from "node:fs";
import type { Bytes, Node } from "@varve/format";
import type { DirectoryReader } from "../../snapshot/directory-reader.ts";
import { codeOf } from "../../system.ts";
import { looksLikeRepository } from "../repository-marks.ts";
import type { SelectionRules } from "../selection.ts";
import type { DeletionScope, ScopeRules } from "./deletion-scope.ts";
import { readFlags } from "./differing-parts.ts";
import type { Spot } from "./items.ts";
import { MountPoints, mountOf } from "./mounts.ts";
import type { Top } from "./tops.ts";

/** The largest ignore file. */
const maxSmallFile = 1024 * 1024;

/** What of an entry that the snapshot has not may go. */
export interface Removal {
	/** All of it. */
	readonly isWhole: boolean;
	/** Entries that go. */
	readonly entries: number;
	/** What goes, if not all of it: nothing of it lies in another. */
	readonly spots: readonly RemovedSpot[];
}

export interface RemovedSpot extends Spot {
	readonly path: string;
	readonly entries: number;
	readonly stat: BigIntStats;
}

export interface Candidate extends Spot {
	readonly name: string;
	/** Absolute path it would have in the snapshot. */
	readonly path: string;
	readonly stat: BigIntStats;
	/** Of the directory it lies in. */
	readonly scope: ScopeRules;
	readonly selection: SelectionRules;
}

const nothing: Removal = { isWhole: false, entries: 0, spots: [] };

/** Finds out what may be deleted: all the way down, because a directory goes only if everything in it may. */
export class RemovalSurvey {
	readonly #scope: DeletionScope;
	readonly #reader: Pick<DirectoryReader, "open" | "close">;
	readonly #mounts = new MountPoints();

	constructor(
		scope: DeletionScope,
		reader: Pick<DirectoryReader, "open" | "close">,
	) {
		this.#scope = scope;
		this.#reader = reader;
	}

	judge(candidate: Candidate): Removal {
		const { top, suffix, name, path, stat, selection } = candidate;
		if (stat.dev !== top.device || this.#mounts.has(candidate)) return nothing;
		if (!this.#scope.captures(candidate.scope, path, { name, stat }))
			return nothing;
		const isDirectory = stat.isDirectory();
		const choice = selection.all
			? "yes"
			: selection.choose(name, isDirectory, Number(stat.size));
		if (choice === "no") return nothing;
		if (!isDirectory)
			return {
				isWhole: true,
				entries: 1,
				spots: [{ top, suffix, path, entries: 1, stat }],
			};
		const below = this.#judgeBelow(
			candidate,
			selection.all ? selection : selection.enter(name, choice),
		);
		if (below === undefined) return nothing;
		if (!below.isWhole || choice !== "yes") return { ...below, isWhole: false };
		const entries = below.entries + 1;
		return {
			isWhole: true,
			entries,
			spots: [{ top, suffix, path, entries, stat }],
		};
	}

	/** What of the entries of a directory may go; undefined if nobody can tell. */
	#judgeBelow(
		{ top, suffix, path, scope }: Candidate,
		selection: SelectionRules,
	): Removal | undefined {
		const names = this.#namesIn(top, suffix);
		if (names === undefined || looksLikeRepository(names)) return undefined;
		const rules = this.#scope.enter(
			scope,
			scopedDirectory({ top, suffix }, path, { names, nodes: undefined }),
		);
		let isWhole = true;
		let entries = 0;
		const spots: RemovedSpot[] = [];
		for (const name of names) {
			const below = { top, suffix: `${suffix}/${name}` };
			const stat = statOf(below);
			if (stat === undefined) continue;
			const removal =
				stat === "unreadable"
					? nothing
					: this.judge({
							...below,
							name,
							path: `${path}/${name}`,
							stat,
							scope: rules,
							selection,
						});
			isWhole &&= removal.isWhole;
			entries += removal.entries;
			spots.push(...removal.spots);
		}
		return { isWhole, entries, spots };
	}

	#namesIn(top: Top, suffix: string): readonly string[] | undefined {
		try {
			const directory = top.tree.directory(suffix);
			if (mountOf(directory) !== top.mount) return undefined;
			const names = this.#reader.open(`${directory.self}/`);
			this.#reader.close();
			return names;
		} catch (error) {
			if (codeOf(error) === undefined) throw error;
			return undefined;
		}
	}
}

/** undefined if it is gone. */
function statOf({ top, suffix }: Spot): BigIntStats | "unreadable" | undefined {
	try {
		const path = top.tree.path(suffix);
		return lstatSync(path, { bigint: true, throwIfNoEntry: false });
	} catch (error) {
		if (codeOf(error) === undefined) throw error;
		return "unreadable";
	}
}

/** A directory as the rules of a scope want to see it. */
export function scopedDirectory(
	{ top, suffix }: Spot,
	path: string,
	{
		names,
		nodes,
	}: {
		readonly names: readonly string[];
		readonly nodes: readonly Node[] | undefined;
	},
) {
	return {
		path: `${path}/`,
		names,
		nodes,
		readSmall: (name: string) => readSmall(top, `${suffix}/${name}`),
	};
}

function readSmall(top: Top, suffix: string): Bytes | undefined {
	let fd: number;
	try {
		fd = top.tree.open(suffix, readFlags);
	} catch (error) {
		const code = codeOf(error);
		if (code === "ENOENT" || code === "ELOOP") return undefined;
		throw error;
	}
	try {
		const stat = fstatSync(fd);
		return stat.isFile() && stat.size <= maxSmallFile
			? Uint8Array.from(readFileSync(fd))
			: undefined;
	} finally {
		top.tree.shut(fd);
	}
}
