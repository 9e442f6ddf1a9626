import { type Bytes, decodeConfig, isVarveError } from "@varve/format";
import type { ListedFile, ReadBackend, Stage } from "@varve/store";
import type { Repository } from "../repository.ts";
import {
	type CopiedKind,
	copyKind,
	namesOf,
	writePackAgain,
	writeRecordAgain,
} from "./copy-files.ts";

/**
 * Copies whose originals are lost. Who deletes a file deletes its copy before, so that a copy alone says that something else took the original
 * away: it was in the repository, and nobody has collected it.
 */
export async function lostOriginals(
	backend: ReadBackend,
	kind: "snapshots" | "packs",
): Promise<ListedFile[]> {
	const copies = await backend.list(copyKind(kind));
	if (copies.length === 0) return [];
	const there = namesOf(await backend.list(kind));
	const lost: ListedFile[] = [];
	for (const copy of copies) {
		if (there.has(copy.name)) continue;
		// Of what was deleted between the two listings the copy is gone as well.
		const size = await backend.size(copyKind(kind), copy.name);
		if (size !== undefined) lost.push(copy);
	}
	return lost;
}

/** True if there is a copy, and it is what was stored. */
export async function isCopySound(
	{ backend, tools }: Pick<Repository, "backend" | "tools">,
	kind: CopiedKind,
	name: string,
): Promise<boolean> {
	const read = () => backend.read(copyKind(kind), name);
	try {
		// Asked once more: what it does not read is given up.
		const bytes = await read().catch((error) => {
			if (isVarveError(error) && error.name === "StorageError") return read();
			throw error;
		});
		if (kind !== "config") return tools.sha256Hex(bytes) === name;
		decodeConfig(bytes, (b: Bytes) => tools.sha256Hex(b));
		return true;
	} catch (error) {
		if (isVarveError(error)) return false;
		throw error;
	}
}

/**
 * Puts an original back from its copy, durably, whatever is there in its place; the copy is proved before. False, and nothing changed, if
 * there is no copy that is sound. A damaged original that is to be kept must have been moved away before. StorageErrors as in Stage.put.
 */
export async function restoreFromCopy(
	repository: Repository,
	stage: Stage,
	{ kind, name }: { readonly kind: CopiedKind; readonly name: string },
): Promise<boolean> {
	const { backend } = repository;
	if (!(await isCopySound(repository, kind, name))) return false;
	if (kind === "packs") {
		const size = await backend.size(copyKind(kind), name);
		if (size === undefined) return false;
		const [from, to] = [copyKind(kind), kind];
		await writePackAgain(repository, stage, { name, size, from, to });
	} else if (kind === "snapshots")
		await writeRecordAgain(repository, stage, {
			name,
			from: copyKind(kind),
			to: kind,
		});
	else
		await stage.putBytes(kind, name, await backend.read(copyKind(kind), name));
	repository.objects.outdate();
	return true;
}
