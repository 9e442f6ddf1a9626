import {
	type Bytes,
	FrameKind,
	idAt,
	idBytes,
	type PackFrame,
	type PackId,
	type PackKind,
} from "@varve/format";
import type { Repository } from "../../packages/core/src/repository.ts";

export type FoundFrame = PackFrame & {
	readonly pack: PackId;
	readonly kind: PackKind;
};

/** All frames of all packs, as segments tell. */
export async function framesOf(repository: Repository): Promise<FoundFrame[]> {
	repository.objects.outdate();
	const listing = await repository.objects.prepare();
	const segments = await repository.openSegments(listing);
	try {
		const packs = new Set(listing.packs.map(({ name }) => name));
		const kinds = new Map(
			[
				...segments.segments.flatMap(({ packs }) => packs),
				...segments.adopted,
			].map(({ id, kind }) => [id, kind]),
		);
		const found: FoundFrame[] = [];
		for (const { pack, frames } of segments.table(new Set()).framesOf(packs))
			for (const { frame } of frames)
				found.push({ ...frame, pack, kind: kinds.get(pack) as PackKind });
		return found;
	} finally {
		segments.close();
	}
}

/** Those of content that have bases. */
export async function deltasOf(repository: Repository): Promise<FoundFrame[]> {
	return (await framesOf(repository)).filter(
		({ kind, bases }) => kind === FrameKind.content && bases.length > 0,
	);
}

/** Those of trees, lists and pieces of tables that have bases. */
export async function metaDeltasOf(
	repository: Repository,
): Promise<FoundFrame[]> {
	return (await framesOf(repository)).filter(
		({ kind, bases }) => kind === FrameKind.meta && bases.length > 0,
	);
}

export function idsIn(rows: Bytes): string[] {
	return Array.from({ length: rows.length / idBytes }, (_, i) =>
		idAt(rows, i * idBytes),
	);
}

/** Bases that lie in no frame without bases. There are none but of frames that nobody needs, once a gc was there. */
export function unfounded(frames: readonly FoundFrame[]): string[] {
	const plain = new Set(
		frames.flatMap(({ bases, ids }) => (bases.length === 0 ? idsIn(ids) : [])),
	);
	return frames
		.flatMap(({ bases }) => idsIn(bases))
		.filter((id) => !plain.has(id));
}

/** Bases that are there, but in frames with bases only. There must be none, ever. */
export function basesWithBases(frames: readonly FoundFrame[]): string[] {
	const anywhere = new Set(frames.flatMap(({ ids }) => idsIn(ids)));
	return unfounded(frames).filter((id) => anywhere.has(id));
}
