import type { Bytes, Node } from "@varve/format";
import type { Repository, Snapshot } from "../repository.ts";
import { HardLinks } from "../restore/links.ts";
import { leased } from "./leased.ts";
import { allOf, locateIn } from "./placed-nodes.ts";

export interface DumpRequest {
	readonly format: "tar" | "zip";
	/** Absolute, or below a root; undefined for the whole snapshot. */
	readonly path?: string | undefined;
}

/** An entry on its way into an archive. */
export interface DumpEntry {
	/** In the archive: a path text without "/" in front; "." for the directory that was asked for. */
	readonly name: string;
	readonly node: Node;
	/** Name of an entry before it that is the same file. */
	readonly linkTo: string | undefined;
}

/**
 * A tar or zip archive of a snapshot or of what lies below a path, in pieces that are the caller's own; no more is read than is
 * taken. Names are those that a restore would make. Errors as `locate` has them; CorruptError where content is damaged. Sockets, and
 * in a zip devices and pipes, are left out with a warning.
 */
export function dump(
	repository: Repository,
	snapshot: Snapshot,
	request: DumpRequest,
): AsyncIterable<Bytes> {
	const command = `dump ${snapshot.id.slice(0, 8)}`;
	return leased(repository, { snapshots: [snapshot.id], command }, () =>
		archive(repository, snapshot, request),
	);
}

async function* archive(
	repository: Repository,
	snapshot: Snapshot,
	{ format, path }: DumpRequest,
): AsyncGenerator<Bytes> {
	// Loaded only where an archive is made.
	const write =
		format === "tar"
			? (await import("./dump-tar.ts")).writeTar
			: (await import("./dump-zip.ts")).writeZip;
	yield* write(
		repository,
		snapshot.record,
		await entriesOf(repository, snapshot, path),
	);
}

async function entriesOf(
	repository: Repository,
	snapshot: Snapshot,
	path: string | undefined,
): Promise<Iterable<DumpEntry>> {
	const { objects, observer } = repository;
	const { record } = snapshot;
	const location = await locateIn(repository, snapshot, path);
	const { links, damage } = HardLinks.read(objects, record);
	if (damage !== undefined) {
		const message = `hard links are written as files of their own: ${damage.message}`;
		observer.on({ type: "warning", message });
	}
	return (function* () {
		for (const placed of allOf(objects, location, record)) {
			const { root, node } = placed;
			const name = nameIn(placed.path, location.prefix);
			const rootPath = record.roots[root]?.path ?? "/";
			const below = nameIn(placed.path, rootPath === "/" ? "" : rootPath);
			yield { name, node, linkTo: linkOf(links, { root, below, name, node }) };
		}
	})();
}

function nameIn(path: string, prefix: string): string {
	return path.slice(prefix.length).replace(/^\/+/, "") || ".";
}

interface Linked {
	readonly root: number;
	readonly below: string;
	readonly name: string;
	readonly node: Node;
}

function linkOf(links: HardLinks, entry: Linked): string | undefined {
	const { root, below, name, node } = entry;
	if (links.isEmpty || !links.takes(root, below, { suffix: name, node }))
		return undefined;
	return links.pending.pop()?.leader;
}
