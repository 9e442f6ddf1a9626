import type { Repository, SnapshotId } from "@varve/core";
import {
	ByteWriter,
	Codec,
	encodeFrameBodyHead,
	frameHeaderBytes,
	ItemKind,
	idAt,
	idBytes,
	type Node,
	type SegmentPack,
} from "@varve/format";
import { type Bench, openOn, readAll } from "./bench.ts";
import { digestOf } from "./ladder.ts";
import { packsIn } from "./woes.ts";
import type { Wound } from "./wounds.ts";

type Frame = SegmentPack["frames"][number];

/** Which chunks every path of every snapshot needs, and where they lie: what a wound must not cost is told by it. */
export class Anatomy {
	readonly bench: Bench;
	/** Of the repository as it was made. */
	readonly digest: string;
	readonly #packs: readonly SegmentPack[];
	/** Ids of trees, lists and chunks that are read on the way to the content of a path. */
	readonly #needs = new Map<string, ReadonlySet<string>>();

	private constructor(bench: Bench, packs: readonly SegmentPack[]) {
		this.bench = bench;
		this.digest = digestOf(bench.files);
		this.#packs = packs;
	}

	static async of(bench: Bench): Promise<Anatomy> {
		const backend = await bench.fresh();
		const anatomy = new Anatomy(bench, await packsIn(backend));
		await using repository = await openOn(backend);
		await readAll(repository);
		for (const [id, content] of bench.contents)
			for (const path of content.keys())
				anatomy.#needs.set(
					`${id}:${path}`,
					needsOf(repository, bench, id, path),
				);
		return anatomy;
	}

	/** A wound of one of the two costs nothing. */
	hasTwin({ kind, name }: Wound): boolean {
		const other = kind.startsWith("copies/")
			? kind.slice("copies/".length)
			: `copies/${kind}`;
		return this.bench.files.some(
			(file) => file.kind === other && file.name === name,
		);
	}

	/** True if this path need not be readable any more. */
	mayLose(snapshot: SnapshotId, path: string, wound: Wound): boolean {
		if (wound.kind !== "packs" || this.hasTwin(wound)) return false;
		const hit = this.#chunksHit(wound);
		const needs = this.#needs.get(`${snapshot}:${path}`) ?? new Set();
		return [...needs].some((chunk) => hit.has(chunk));
	}

	/** Chunks whose bytes are gone, and those that were compressed beside them. */
	#chunksHit({ name, what }: Wound): Set<string> {
		const hit = new Set<string>();
		const pack = this.#packs.find(({ id }) => id === name);
		for (const frame of pack?.frames ?? [])
			for (const chunk of this.#hitIn(frame, name, what)) hit.add(chunk);
		for (const { frames } of this.#packs)
			for (const frame of frames)
				if (idsIn(frame.bases).some((base) => hit.has(base)))
					for (const chunk of idsIn(frame.ids)) hit.add(chunk);
		return hit;
	}

	#hitIn(
		{ offset, storedLength, ids, lengths, bases }: Frame,
		name: string,
		what: Wound["what"],
	): string[] {
		const all = idsIn(ids);
		const bytes = this.bench.files.find((file) => file.name === name)?.bytes;
		if (what === "gone" || bytes === undefined) return all;
		const end = offset + storedLength;
		const head = new ByteWriter(1024);
		const codec = bytes[offset + frameHeaderBytes] as Codec;
		encodeFrameBodyHead(head, { codec, bases, lengths, count: lengths.length });
		const payload = offset + frameHeaderBytes + head.view().length;
		const isCut = "cut" in what;
		const at = isCut ? what.cut : what.flip >> 3;
		if (at >= end || (at < payload && !isCut)) return [];
		if (codec !== Codec.raw) return all;
		let start = payload;
		return all.filter((_, i) => {
			const from = start;
			start += lengths[i] as number;
			return at < start && (isCut || at >= from);
		});
	}
}

function idsIn(ids: Uint8Array): string[] {
	return Array.from({ length: ids.length / idBytes }, (_, i) =>
		idAt(ids, i * idBytes),
	);
}

function needsOf(
	{ objects }: Repository,
	bench: Bench,
	snapshot: SnapshotId,
	path: string,
): Set<string> {
	const roots = bench.records.get(snapshot)?.roots;
	const root = roots?.find((one) => path.startsWith(one.path));
	const needs = new Set<string>();
	let tree = root?.tree;
	const names = path.slice(root?.path.length).split("/").filter(Boolean);
	for (const name of names) {
		if (tree === undefined) break;
		needs.add(tree);
		const node: Node | undefined = objects.lookup(
			tree,
			new TextEncoder().encode(name),
		);
		tree = node?.tree;
		if (node === undefined || tree !== undefined) continue;
		const { kinds, ids } = node.content;
		const named = kinds.filter((kind) => kind !== ItemKind.zeros);
		named.forEach((kind, i) => {
			if (kind === ItemKind.list) needs.add(idAt(ids, i * idBytes));
		});
		for (const { id } of objects.items(node.content))
			if (id !== undefined) needs.add(idAt(id));
	}
	if (tree !== undefined) needs.add(tree);
	return needs;
}
