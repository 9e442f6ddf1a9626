import type { Operation } from "./operations.ts";
import { location, type Recording } from "./recorder.ts";

/** A sync that is left out, to see that it matters. */
export type Flaw = (recording: Recording) => (operation: Operation) => boolean;

/** Without the syncs of folders below the repository whose path matches. */
export const withoutFolderSync =
	(pattern: RegExp): Flaw =>
	() =>
	(operation) =>
		operation.type === "sync" &&
		operation.path.startsWith(location) &&
		pattern.test(operation.path.slice(location.length));

/** Without the syncs of files that go to this folder: what is synced in the stage is told apart by where it is renamed or linked to. */
export const withoutFileSync =
	(folder: string): Flaw =>
	({ operations }) => {
		const files = new Set<number>();
		for (const operation of operations) {
			if (operation.type !== "entries") continue;
			if (
				!operation.path.includes(` to ${location}/${folder}`) &&
				!operation.path.startsWith(`${location}/${folder}`)
			)
				continue;
			for (const { inode } of operation.changes)
				if (inode !== undefined) files.add(inode);
		}
		return (operation) =>
			operation.type === "sync" && files.has(operation.inode);
	};
