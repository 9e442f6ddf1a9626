import {
	chmodSync,
	mkdirSync,
	readdirSync,
	rmSync,
	unlinkSync,
	utimesSync,
	writeFileSync,
} from "node:fs";
import { dirname, join } from "node:path";
import { hardlink, makeTree, symlink } from "@varve/testkit";
import {
	type EntryMoves,
	loadEntryMoves,
} from "../../packages/core/src/native/move-entry.ts";
import type { Snapshot } from "../../packages/core/src/repository.ts";
import type { OntoOptions } from "../../packages/core/src/restore/onto/options.ts";
import { restoreOnto } from "../../packages/core/src/restore/onto/restore-onto.ts";
import {
	type RepositoryOptions,
	type readingPlace,
	type TestRepository,
	takeSnapshot,
} from "./reading-workplace.ts";
import { describeTree } from "./restore-tree.ts";

export const small = {
	"a.txt": "alpha",
	"b.txt": "beta",
	empty: "",
	kept: { "same.txt": "the same" },
	linked: { one: "one file", two: hardlink("linked/one") },
	sub: { "c.txt": "gamma", deep: { "d.txt": "delta" }, link: symlink("c.txt") },
	turned: "a file",
	void: {},
};

/** A directory that a snapshot was taken of. */
export interface Scene {
	readonly repository: TestRepository;
	readonly folder: string;
	readonly snapshot: Snapshot;
	/** As it was when the snapshot was taken. */
	readonly before: ReturnType<typeof describeTree>;
}

export function sceneIn(place: ReturnType<typeof readingPlace>) {
	return {
		async scene(
			tree: Parameters<typeof makeTree>[1] = small,
			options: RepositoryOptions = {},
		): Promise<Scene> {
			const folder = join(place.fresh("live"), "tree");
			mkdirSync(dirname(folder));
			makeTree(folder, tree);
			const repository = await place.repository(options);
			const snapshot = await takeSnapshot(repository, folder);
			return { repository, folder, snapshot, before: describeTree(folder) };
		},
		/** In place, deleting what is more. */
		restore(
			{ repository, snapshot }: Pick<Scene, "repository" | "snapshot">,
			options: Partial<OntoOptions> = {},
		) {
			const given = { snapshot, target: undefined, delete: true, ...options };
			return restoreOnto(repository, given);
		},
	};
}

/** Every kind of difference. */
export function disturb(folder: string): void {
	const at = (path: string) => join(folder, path);
	writeFileSync(at("a.txt"), "altered");
	chmodSync(at("b.txt"), 0o600);
	rmSync(at("sub"), { recursive: true });
	writeFileSync(at("new.txt"), "new");
	mkdirSync(at("extra/deep"), { recursive: true });
	writeFileSync(at("extra/deep/x"), "x");
	unlinkSync(at("turned"));
	mkdirSync(at("turned"));
	unlinkSync(at("linked/two"));
	writeFileSync(at("linked/two"), "one file");
	utimesSync(at("void"), 1, 1);
}

/** As on a file system where files share no blocks. */
export function movesWithoutClone(): EntryMoves {
	return {
		...(loadEntryMoves() as EntryMoves),
		clone() {
			throw Object.assign(new Error("EOPNOTSUPP"), { code: "EOPNOTSUPP" });
		},
	};
}

/** The folders of journals beside it. */
export function journalsOf(folder: string): string[] {
	const beside = dirname(folder);
	return readdirSync(beside)
		.filter((name) => name.startsWith(".varve-"))
		.map((name) => join(beside, name));
}
