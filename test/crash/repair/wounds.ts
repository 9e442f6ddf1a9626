import {
	type Hurt,
	isVarveError,
	type Repository,
	type SnapshotId,
	verify,
} from "@varve/core";
import type { FileKind } from "@varve/store";
import type { Anatomy } from "./anatomy.ts";
import {
	backendWith,
	type Content,
	type Files,
	readAll,
	worse,
	wrong,
} from "./bench.ts";
import { type Ladder, type Mended, openAgain } from "./ladder.ts";

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

/** Every bit, every length, every file; of the reserve, zeros that nobody reads, nothing but that it is gone. */
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

/** Sentences about what is not as promised with one wound. */
export async function complaintsAbout(
	wound: Wound,
	{ anatomy, ladder }: { readonly anatomy: Anatomy; readonly ladder: Ladder },
	count: (what: string) => void,
): Promise<string[]> {
	const { files, contents } = anatomy.bench;
	const hurt = wounded(files, wound);
	let repository: Repository;
	try {
		repository = await openAgain(await backendWith(hurt), 0);
	} catch (error) {
		count("refused");
		const mayRefuse = wound.kind === "config" && !anatomy.hasTwin(wound);
		if (mayRefuse && isVarveError(error)) return [];
		return [`does not open: ${stackOf(error)}`];
	}
	try {
		const before = await readAll(repository);
		const isHurt = worse(contents, before).length > 0;
		if (isHurt) count("hurt");
		const complaints = [
			...wrong(contents, before),
			...(await lookFor(repository, { wound, before, isHurt })),
		];
		const mended = await ladder.climb(hurt);
		if (mended.digest === anatomy.digest) count("asMade");
		if (worse(contents, mended.content).length > 0) count("lossAfterRepair");
		else {
			if (isHurt) count("healed");
			complaints.push(...leftovers(mended, wound));
		}
		return [...complaints, ...complaintsAfter(mended, wound, anatomy, before)];
	} catch (error) {
		return [`ends with ${stackOf(error)}`];
	} finally {
		await repository.close();
	}
}

function complaintsAfter(
	{ content }: Mended,
	wound: Wound,
	anatomy: Anatomy,
	before: ReadonlyMap<SnapshotId, Content>,
): string[] {
	const { contents } = anatomy.bench;
	return [
		...wrong(contents, content).map((one) => `after repair: wrong ${one}`),
		...invented(contents, content).map((one) => `repair has made up ${one}`),
		...worse(before, content).map((one) => `repair has cost ${one}`),
		...notBack(anatomy, wound, content).map(
			(one) => `repair does not give back ${one}`,
		),
	];
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

/** Paths that are intact for all the wound has hit, and cannot be read. A record that is lost comes back under another name. */
function notBack(
	anatomy: Anatomy,
	wound: Wound,
	after: ReadonlyMap<SnapshotId, Content>,
): string[] {
	const missing: string[] = [];
	const hashes = hashesIn(after);
	const mayBeRenamed = wound.kind === "snapshots" && !anatomy.hasTwin(wound);
	for (const [id, content] of anatomy.bench.contents)
		for (const [path, hash] of content) {
			const now = after.get(id);
			const isBack =
				now === undefined
					? mayBeRenamed && hashes.has(hash)
					: now.get(path) === hash;
			if (isBack || anatomy.mayLose(id, path, wound)) continue;
			missing.push(`${path} of ${id.slice(0, 8)}`);
		}
	return missing;
}

/** In snapshots that repairs have made, what nothing that was taken held. */
function invented(
	taken: ReadonlyMap<SnapshotId, Content>,
	after: ReadonlyMap<SnapshotId, Content>,
): string[] {
	const known = hashesIn(taken);
	return [...after].flatMap(([id, content]) =>
		taken.has(id)
			? []
			: [...content]
					.filter(([, hash]) => hash !== undefined && !known.has(hash))
					.map(([path]) => `${path} of ${id.slice(0, 8)}`),
	);
}

function hashesIn(
	contents: ReadonlyMap<SnapshotId, Content>,
): Set<string | undefined> {
	return new Set([...contents.values()].flatMap((one) => [...one.values()]));
}

/**
 * Where all is back nothing is wrong any more but scan states, and tables of hard links, of snapshots that others were made in the place of; and a policy, whose
 * rules nobody can guess.
 */
function leftovers({ findings }: Mended, wound: Wound): string[] {
	return findings
		.filter(
			({ hurt }) => !hurt.some(isOfNoContent) || !hurt.every(isOfNoContent),
		)
		.filter(({ file }) => file?.kind !== "policies" || file.name !== wound.name)
		.map(({ message }) => `after repair verify still finds: ${message}`);
}

const isOfNoContent = ({ what }: Hurt) => what === "scan" || what === "links";
