import { type Bytes, InputError, NodeKind, printableName } from "@varve/format";
import type { Repository, Snapshot } from "../repository.ts";
import { typeOf } from "./entry.ts";
import { locateIn, nodeOf } from "./placed-nodes.ts";
import { rereading } from "./rereading.ts";

/**
 * The bytes of one file, proved, in pieces that are the caller's own. Errors as `locate` has them; InputError "NOT_A_FILE" for what
 * is none; CorruptError where the content is damaged.
 */
export function readFile(
	repository: Repository,
	snapshot: Snapshot,
	path: string,
): AsyncGenerator<Bytes> {
	return rereading(repository, () => readSlices(repository, snapshot, path));
}

async function* readSlices(
	repository: Repository,
	snapshot: Snapshot,
	path: string,
): AsyncGenerator<Bytes> {
	const { found } = await locateIn(repository, snapshot, path);
	const placed = found.map(nodeOf).at(0);
	const node = found.length === 1 ? placed?.node : undefined;
	if (node?.kind !== NodeKind.file) {
		const what = node === undefined ? "dir" : typeOf(node);
		const text = `${printableName(path)} is no file (${what})`;
		throw new InputError("NOT_A_FILE", text, { path: printableName(path) });
	}
	for (const slice of repository.objects.bytes(node.content))
		yield slice.slice();
}
