import { createHash } from "node:crypto";
import {
	type Bytes,
	type Content,
	encodeName,
	ItemKind,
	idBytes,
	type Node,
	NodeKind,
	toHex,
} from "@varve/format";
import type { ObjectReader, Repository, Snapshot } from "../repository.ts";
import { leased } from "./leased.ts";
import { allOf, locateIn } from "./placed-nodes.ts";

export interface Checksum {
	/** Below the directory that was asked for; absolute if none was. A path text. */
	readonly path: string;
	/** SHA-256 of the whole content, in hex. */
	readonly sha256: string;
	/** Bytes. */
	readonly size: number;
}

/**
 * The SHA-256 of every file of a snapshot, or of those below a path. A file that is one chunk has that chunk's id and is not read;
 * equal contents are read once. Errors as `locate` and `readFile` have them.
 */
export function checksums(
	repository: Repository,
	snapshot: Snapshot,
	path?: string,
): AsyncIterable<Checksum> {
	const command = `checksums ${snapshot.id.slice(0, 8)}`;
	return leased(repository, { snapshots: [snapshot.id], command }, () =>
		hashAll(repository, snapshot, path),
	);
}

async function* hashAll(
	repository: Repository,
	snapshot: Snapshot,
	path: string | undefined,
): AsyncGenerator<Checksum> {
	const { objects } = repository;
	const location = await locateIn(repository, snapshot, path);
	const cut = path === undefined ? 0 : location.prefix.length + 1;
	const hasher = new ContentHasher(objects);
	for (const { path, node } of allOf(objects, location, snapshot.record))
		if (node.kind === NodeKind.file)
			yield { path: path.slice(cut), ...hasher.hash(node) };
}

/** Contents of more than one chunk whose hashes are remembered. */
const maxRemembered = 100_000;

class ContentHasher {
	readonly #objects: ObjectReader;
	readonly #known = new Map<string, string>();

	constructor(objects: ObjectReader) {
		this.#objects = objects;
	}

	hash({ content }: Pick<Node, "content">): Omit<Checksum, "path"> {
		const size = content.lengths.reduce((sum, length) => sum + length, 0);
		if (content.kinds.length === 1 && content.kinds[0] === ItemKind.chunk)
			return { sha256: toHex(content.ids), size };
		// Ids tell the content, but for the length of a run of zeros.
		const isShort = content.ids.length <= 4 * idBytes;
		const key = `${toHex(content.ids)} ${content.kinds.join()} ${content.lengths.join()}`;
		const known = isShort ? this.#known.get(key) : undefined;
		const sha256 = known ?? this.#read(content);
		if (isShort && this.#known.size < maxRemembered)
			this.#known.set(key, sha256);
		return { sha256, size };
	}

	#read(content: Content): string {
		const hash = createHash("sha256");
		for (const slice of this.#objects.bytes(content)) hash.update(slice);
		return hash.digest("hex");
	}
}

const escapes: Readonly<Record<string, string>> = {
	"\\": "\\\\",
	"\n": "\\n",
	"\r": "\\r",
};

/** A line as `sha256sum` prints it and `sha256sum -c` reads it. */
export function checksumLine({ path, sha256 }: Checksum): Bytes {
	const escaped = path.replace(/[\\\n\r]/g, (c) => escapes[c] as string);
	const mark = escaped === path ? "" : "\\";
	return encodeName(`${mark}${sha256}  ${escaped}\n`);
}
