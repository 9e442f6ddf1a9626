import {
	type Hurt,
	isVarveError,
	type Repository,
	recover,
	repairIndex,
	repairPacks,
	repairSnapshots,
	type SnapshotId,
	verify,
} from "@varve/core";
import {
	ByteWriter,
	Codec,
	encodeFrameBodyHead,
	FrameKind,
	frameHeaderBytes,
	idAt,
	idBytes,
	type SegmentPack,
} from "@varve/format";
import type { FileKind } from "@varve/store";
import {
	type Bench,
	backendWith,
	type Content,
	type Files,
	openOn,
	readAll,
	worse,
	wrong,
} from "./bench.ts";
import { packsIn } from "./woes.ts";

/** One thing that is wrong with one file. */
export interface Wound {
	readonly kind: FileKind;
	readonly name: string;
	/** A bit of the file is flipped, it is cut to so many bytes, or it is gone. */
	readonly what: { readonly flip: number } | { readonly cut: number } | "gone";
}

export function describeWound({ kind, name, what }: Wound): string {
	const file = `${kind}/${name.slice(0, 12)}`;
	if (what === "gone") return `${file} gone`;
	return "cut" in what
		? `${file} cut to ${what.cut}`
		: `${file} bit ${what.flip & 7} of byte ${what.flip >> 3} flipped`;
}

/** Every bit, every length, every file; of the reserve, which is a MiB of zeros that nobody reads, nothing but that it is gone. */
export function* allWounds(files: Files): Generator<Wound> {
	for (const { kind, name, bytes } of files) {
		yield { kind, name, what: "gone" };
		if (kind === "reserve") continue;
		for (let bit = 0; bit < bytes.length * 8; bit++)
			yield { kind, name, what: { flip: bit } };
		for (let length = 0; length < bytes.length; length++)
			yield { kind, name, what: { cut: length } };
	}
}

function wounded(files: Files, { kind, name, what }: Wound): Files {
	return files.flatMap((file) => {
		if (file.kind !== kind || file.name !== name) return file;
		if (what === "gone") return [];
		if ("cut" in what)
			return { ...file, bytes: file.bytes.subarray(0, what.cut) };
		const bytes = file.bytes.slice();
		const at = what.flip >> 3;
		bytes[at] = (bytes[at] as number) ^ (1 << (what.flip & 7));
		return { ...file, bytes };
	});
}

/** Where every chunk of every file lies: what a wound must not cost is told by it. */
export class Anatomy {
	readonly bench: Bench;
	readonly #packs: readonly SegmentPack[];
	/** Ids of the chunks of each path. */
	readonly #chunks = new Map<string, Set<string>>();

	private constructor(bench: Bench, packs: readonly SegmentPack[]) {
		this.bench = bench;
		this.#packs = packs;
	}

	static async of(bench: Bench): Promise<Anatomy> {
		const backend = await bench.fresh();
		const anatomy = new Anatomy(bench, await packsIn(backend));
		await using repository = await openOn(backend);
		await readAll(repository);
		for (const [id, content] of bench.contents)
			for (const path of content.keys())
				anatomy.#chunks.set(
					`${id}:${path}`,
					chunksOf(repository, bench, id, path),
				);
		return anatomy;
	}

	/** True if this path need not be readable any more. */
	mayLose(snapshot: SnapshotId, path: string, wound: Wound): boolean {
		const hit = this.#chunksHit(wound);
		if (hit === "trees") return true;
		const own = this.#chunks.get(`${snapshot}:${path}`) ?? new Set();
		return [...own].some((chunk) => hit.has(chunk));
	}

	/** Chunks whose bytes are gone; "trees" if it is those of trees, that everything hangs from. */
	#chunksHit({ kind, name, what }: Wound): Set<string> | "trees" {
		const hit = new Set<string>();
		if (kind !== "packs") return hit;
		const pack = this.#packs.find(({ id }) => id === name);
		for (const frame of pack?.frames ?? []) {
			const lost = this.#hitIn(frame, name, what);
			if (lost.length > 0 && pack?.kind === FrameKind.meta) return "trees";
			for (const chunk of lost) hit.add(chunk);
		}
		return hit;
	}

	#hitIn(
		{
			offset,
			storedLength,
			ids,
			lengths,
			bases,
		}: SegmentPack["frames"][number],
		name: string,
		what: Wound["what"],
	): string[] {
		const all = Array.from(lengths, (_, i) => idAt(ids, i * idBytes));
		if (what === "gone") return all;
		const bytes = this.bench.files.find((file) => file.name === name)?.bytes;
		if (bytes === undefined) return all;
		if ("cut" in what) return what.cut < offset + storedLength ? all : [];
		const head = new ByteWriter(1024);
		const codec = bytes[offset + frameHeaderBytes] as Codec;
		encodeFrameBodyHead(head, { codec, bases, lengths, count: lengths.length });
		const payload = offset + frameHeaderBytes + head.view().length;
		const at = what.flip >> 3;
		if (at < payload || at >= offset + storedLength) return [];
		if (codec !== Codec.raw) return all;
		let start = payload;
		return all.filter((_, i) => {
			const from = start;
			start += lengths[i] as number;
			return at >= from && at < start;
		});
	}
}

function chunksOf(
	{ objects }: Repository,
	bench: Bench,
	snapshot: SnapshotId,
	path: string,
): Set<string> {
	const record = bench.records.get(snapshot);
	const chunks = new Set<string>();
	const root = record?.roots.find((one) => path.startsWith(one.path));
	let tree = root?.tree;
	const names = path.slice(root?.path.length).split("/").filter(Boolean);
	for (const name of names) {
		if (tree === undefined) break;
		const node = objects.lookup(tree, new TextEncoder().encode(name));
		tree = node?.tree;
		if (node === undefined || tree !== undefined) continue;
		for (const { id } of objects.items(node.content))
			if (id !== undefined) chunks.add(idAt(id));
	}
	return chunks;
}

/** Sentences about what is not as promised with one wound. */
export async function complaintsAbout(
	wound: Wound,
	anatomy: Anatomy,
	count: (what: string) => void,
): Promise<string[]> {
	const { bench } = anatomy;
	const backend = await backendWith(wounded(bench.files, wound));
	const complaints: string[] = [];
	let repository: Repository;
	try {
		repository = await openOn(backend);
	} catch (error) {
		count("refused");
		if (wound.kind === "config" && isVarveError(error)) return [];
		return [`does not open: ${stackOf(error)}`];
	}
	try {
		const before = await readAll(repository);
		complaints.push(...wrong(bench.contents, before));
		const isHurt = worse(bench.contents, before).length > 0;
		if (isHurt) count("hurt");
		complaints.push(...(await lookFor(repository, { wound, before, isHurt })));
		await ladder(await openOn(backend));
		const mended = await openOn(backend);
		const after = await readAll(mended);
		complaints.push(
			...wrong(bench.contents, after).map(
				(one) => `after repair: wrong ${one}`,
			),
			...worse(before, after).map((one) => `repair has cost ${one}`),
		);
		const lost = notBack(anatomy, wound, after);
		complaints.push(...lost.map((one) => `repair does not give back ${one}`));
		if (worse(bench.contents, after).length > 0) count("lossAfterRepair");
		else {
			if (isHurt) count("healed");
			complaints.push(...(await leftovers(mended)));
		}
	} catch (error) {
		complaints.push(`ends with ${stackOf(error)}`);
	} finally {
		await repository.close();
	}
	return complaints;
}

function stackOf(error: unknown): string {
	return error instanceof Error ? String(error.stack) : String(error);
}

interface Look {
	readonly wound: Wound;
	readonly before: ReadonlyMap<SnapshotId, Content>;
	readonly isHurt: boolean;
}

/** verify names the file, and each snapshot that is hurt. */
async function lookFor(
	repository: Repository,
	{ wound, before, isHurt }: Look,
): Promise<string[]> {
	const { findings } = await verify(repository, { level: "data" });
	const { kind, name, what } = wound;
	// Segments, copies and the reserve can be made again; of a record that is gone nobody can tell.
	const isTraceless = what === "gone" && kind !== "packs";
	const names = findings.some(
		({ file }) => file?.kind === kind && file.name === name,
	);
	const complaints: string[] = [];
	if (!isTraceless && !names)
		complaints.push(
			`verify does not name it (${findings.map(({ message }) => message).join("; ")})`,
		);
	if (
		isHurt &&
		findings.length === 0 &&
		!(what === "gone" && kind === "snapshots")
	)
		complaints.push("verify finds nothing, though files cannot be read");
	for (const [id, content] of before)
		if (
			[...content.values()].includes(undefined) &&
			!findings.some(({ snapshots }) => snapshots.includes(id))
		)
			complaints.push(`verify does not name the snapshot ${id.slice(0, 8)}`);
	return complaints;
}

/** All repairs, in the order in which the manual has them. */
async function ladder(repository: Repository): Promise<void> {
	await repairPacks(repository, { readData: true });
	await repairIndex(repository);
	await recover(repository);
	await repairSnapshots(repository);
	await repository.close();
}

/** Paths that are intact for all the wound has hit, and cannot be read. A record that is lost comes back under another name. */
function notBack(
	anatomy: Anatomy,
	wound: Wound,
	after: ReadonlyMap<SnapshotId, Content>,
): string[] {
	const missing: string[] = [];
	const hashes = new Set(
		[...after.values()].flatMap((content) => [...content.values()]),
	);
	for (const [id, content] of anatomy.bench.contents)
		for (const [path, hash] of content) {
			const now = after.get(id);
			const isBack =
				now === undefined ? hashes.has(hash) : now.get(path) === hash;
			if (isBack || anatomy.mayLose(id, path, wound)) continue;
			missing.push(`${path} of ${id.slice(0, 8)}`);
		}
	return missing;
}

/** Where all is back nothing is wrong any more but scan states, and tables of hard links, of snapshots that others were made in the place of. */
async function leftovers(repository: Repository): Promise<string[]> {
	const { findings } = await verify(repository, { level: "data" });
	return findings
		.filter(
			({ hurt }) => !hurt.some(isOfNoContent) || !hurt.every(isOfNoContent),
		)
		.map(({ message }) => `after repair verify still finds: ${message}`);
}

const isOfNoContent = ({ what }: Hurt) => what === "scan" || what === "links";
