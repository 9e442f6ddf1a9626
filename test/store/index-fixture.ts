import { createHash, randomBytes } from "node:crypto";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import {
	encodeDirectory,
	encodeFrameHeader,
	encodePackHeader,
	encodeRecord,
	encodeSegment,
	encodeTrailer,
	FrameKind,
	frameHeaderBytes,
	idBytes,
	type LeaseId,
	noStatistics,
	type PackFrame,
	type PackId,
	type Place,
	packHeaderBytes,
	type SegmentPack,
	type SnapshotId,
	type SnapshotRecord,
	scrubBlockBytes,
	toHex,
	wholeScope,
} from "@varve/format";
import { createToolbox } from "@varve/kernel";
import {
	createLocalBackend,
	type Listing,
	openRepositoryIndex,
	type RemoveBackend,
	type RepositoryIndex,
	type Stage,
	type Warning,
} from "@varve/store";
import { expect } from "vitest";

const { hash64 } = await createToolbox();

export { hash64 };

export const sha256Hex = (bytes: Uint8Array) =>
	createHash("sha256").update(bytes).digest("hex");

/** Numbers from 0 to 1 that a seed decides. */
export function randomNumbers(seed: number): () => number {
	let state = seed >>> 0;
	return () => {
		state = (state + 0x6d2b79f5) >>> 0;
		let t = Math.imul(state ^ (state >>> 15), state | 1);
		t ^= t + Math.imul(t ^ (t >>> 7), t | 61);
		return ((t ^ (t >>> 14)) >>> 0) / 2 ** 32;
	};
}

export interface FakeFrame {
	/** Hex, or a number of new ones. */
	readonly chunks: readonly string[] | number;
	readonly bases?: readonly string[];
}

export interface FakePack extends SegmentPack {
	readonly bytes: Uint8Array;
}

export const newChunk = () => randomBytes(idBytes).toString("hex");

/** A pack whose frames hold noise, and whose directory and trailer are true. */
export function makePack(frames: readonly FakeFrame[]): FakePack {
	const parts: Uint8Array[] = [
		encodePackHeader(FrameKind.content, randomBytes(32)),
	];
	let offset = packHeaderBytes;
	const described: PackFrame[] = frames.map(({ chunks, bases = [] }) => {
		const ids =
			typeof chunks === "number"
				? randomBytes(chunks * idBytes)
				: Buffer.from(chunks.join(""), "hex");
		const lengths = Uint32Array.from(
			{ length: ids.length / idBytes },
			(_, i) => 100 + (i % 50),
		);
		const rawLength = lengths.reduce((sum, n) => sum + n, 0);
		const storedLength = frameHeaderBytes + 40;
		const frame = {
			offset,
			storedLength,
			rawLength,
			lengths,
			bases: Buffer.from(bases.join(""), "hex"),
			ids,
		};
		offset += storedLength;
		parts.push(randomBytes(storedLength));
		return frame;
	});
	const body = encodeDirectory(described);
	const header = new Uint8Array(frameHeaderBytes);
	encodeFrameHeader(header, 0, {
		kind: FrameKind.directory,
		sealed: false,
		storedLength: body.length,
	});
	parts.push(header, body);
	const covered = Buffer.concat(parts);
	const blocks: bigint[] = [];
	for (let at = 0; at < covered.length; at += scrubBlockBytes)
		blocks.push(hash64(covered.subarray(at, at + scrubBlockBytes)));
	const ends = { directoryOffset: offset, coveredLength: covered.length };
	const bytes = Buffer.concat([covered, encodeTrailer(blocks, ends, hash64)]);
	return {
		id: sha256Hex(bytes) as PackId,
		size: bytes.length,
		kind: FrameKind.content,
		frames: described,
		bytes,
	};
}

export interface FakeSegment {
	readonly name: string;
	readonly bytes: Uint8Array;
	readonly packs: readonly FakePack[];
}

export function makeSegment(packs: readonly FakePack[]): FakeSegment {
	const lease = randomBytes(16).toString("hex") as LeaseId;
	const bytes = encodeSegment(lease, packs).slice();
	return { name: sha256Hex(bytes), bytes, packs };
}

/** A repository of made-up packs and segments in a directory of its own, and what an index must answer about it. */
export class FakeRepository {
	readonly folder: string;
	readonly cacheFolder: string;
	readonly id = "5e".repeat(32);
	readonly packs = new Map<string, FakePack>();
	readonly segments = new Map<string, FakeSegment>();
	readonly snapshots = new Map<SnapshotId, SnapshotRecord>();
	readonly condemned = new Set<string>();
	readonly warnings: Warning[] = [];
	readonly #backend: Promise<RemoveBackend>;
	#staging: Promise<Stage> | undefined;

	constructor(backend?: RemoveBackend) {
		this.folder = mkdtempSync(join(tmpdir(), "varve-index-"));
		this.cacheFolder = join(this.folder, "cache");
		this.#backend = backend
			? Promise.resolve(backend)
			: createLocalBackend(join(this.folder, "repository"));
	}

	get #stage(): Promise<Stage> {
		this.#staging ??= this.#backend.then((backend) =>
			backend.stage(randomBytes(16).toString("hex") as LeaseId),
		);
		return this.#staging;
	}

	get backend(): Promise<RemoveBackend> {
		return this.#backend;
	}

	get indexFolder(): string {
		return join(this.cacheFolder, this.id, "index");
	}

	async addPacks(...packs: FakePack[]): Promise<void> {
		const stage = await this.#stage;
		for (const pack of packs) {
			await stage.putBytes("packs", pack.id, pack.bytes);
			this.packs.set(pack.id, pack);
		}
	}

	/** Names packs; those that are not stored yet are. */
	async addSegment(...packs: FakePack[]): Promise<FakeSegment> {
		await this.addPacks(...packs.filter(({ id }) => !this.packs.has(id)));
		const segment = makeSegment(packs);
		const stage = await this.#stage;
		await stage.putBytes("segments", segment.name, segment.bytes);
		this.segments.set(segment.name, segment);
		return segment;
	}

	async removeSegment(name: string): Promise<void> {
		await (await this.#backend).remove(await this.#stage, "segments", name);
		this.segments.delete(name);
	}

	async removePack(id: string): Promise<void> {
		await (await this.#backend).remove(await this.#stage, "packs", id);
		this.packs.delete(id);
	}

	async addSnapshot(time: string): Promise<SnapshotId> {
		const record = makeRecord(time);
		const bytes = encodeRecord(record);
		const id = sha256Hex(bytes) as SnapshotId;
		await (await this.#stage).putBytes("snapshots", id, bytes);
		this.snapshots.set(id, record);
		return id;
	}

	listing(): Listing {
		return {
			packs: [...this.packs.values()].map((p) => ({
				name: p.id,
				size: p.size,
			})),
			segments: [...this.segments.values()].map((s) => ({
				name: s.name,
				size: s.bytes.length,
			})),
			snapshots: [...this.snapshots.keys()].map((name) => ({ name, size: 1 })),
			condemned: this.condemned,
		};
	}

	async open({ cached = true } = {}): Promise<RepositoryIndex> {
		return await openRepositoryIndex({
			backend: await this.#backend,
			cacheFolder: cached ? this.cacheFolder : undefined,
			repositoryId: this.id,
			hash64,
			sha256Hex,
			warn: (warning) => this.warnings.push(warning),
		});
	}

	async caughtUp(options?: { cached?: boolean }): Promise<RepositoryIndex> {
		const index = await this.open(options);
		await index.catchUp(this.listing());
		return index;
	}

	/** Opens, catches up, closes. */
	async visit(): Promise<void> {
		await (await this.caughtUp()).close();
	}

	/** Opens, checks every answer, closes. */
	async check(): Promise<void> {
		const index = await this.caughtUp();
		try {
			expectAnswers(this, index);
		} finally {
			await index.close();
		}
	}

	warningCodes(): string[] {
		return this.warnings.splice(0).map(({ code }) => code);
	}

	async dispose(): Promise<void> {
		await (await this.#backend).close();
		rmSync(this.folder, { recursive: true, force: true });
	}
}

export function makeRecord(time: string): SnapshotRecord {
	return {
		time,
		host: "host",
		user: "user",
		roots: [],
		links: undefined,
		scan: undefined,
		parent: undefined,
		scope: wholeScope,
		tags: [],
		pin: false,
		note: "",
		program: "varve 0",
		statistics: noStatistics,
		unread: [],
		kept: [],
		notKept: {},
		users: {},
		groups: {},
		provenance: {},
		known: { count: 0, hash: sha256Hex(new Uint8Array(0)) },
		features: [],
	};
}

/** Texts of all places of each chunk that count, those without bases first. */
type Model = Map<string, { plain: Set<string>; based: Set<string> }>;

function modelOf(
	repository: FakeRepository,
	condemned: ReadonlySet<string>,
): Model {
	const model: Model = new Map();
	const all = [...repository.packs.values()].filter(
		({ id }) => !condemned.has(id),
	);
	for (const based of [false, true])
		for (const pack of all)
			for (const frame of pack.frames)
				if (frame.bases.length > 0 === based) addFrame(model, pack, frame);
	return model;
}

function addFrame(model: Model, pack: FakePack, frame: PackFrame): void {
	const bases = idsIn(frame.bases);
	if (!bases.every((base) => model.get(base)?.plain.size)) return;
	idsIn(frame.ids).forEach((id, ordinal) => {
		const places = model.get(id) ?? { plain: new Set(), based: new Set() };
		model.set(id, places);
		const place = describePlace({
			pack: pack.id,
			packSize: pack.size,
			kind: pack.kind,
			offset: frame.offset,
			storedLength: frame.storedLength,
			rawLength: frame.rawLength,
			bases: frame.bases,
			ordinal,
			length: frame.lengths[ordinal] as number,
		});
		(bases.length > 0 ? places.based : places.plain).add(place);
	});
}

function idsIn(ids: Uint8Array): string[] {
	return Array.from({ length: ids.length / idBytes }, (_, i) =>
		toHex(ids, i * idBytes, (i + 1) * idBytes),
	);
}

function describePlace(p: Place): string {
	const { pack, packSize, kind, offset, storedLength, rawLength } = p;
	return [
		pack,
		packSize,
		kind,
		offset,
		storedLength,
		rawLength,
		toHex(p.bases),
		p.ordinal,
		p.length,
	].join(" ");
}

/** All chunks of all packs ever made known to the repository object, and some that never were. */
function askedIds(repository: FakeRepository): string[] {
	const ids = new Set<string>();
	for (const { packs } of repository.segments.values())
		for (const pack of packs) for (const id of idsOfPack(pack)) ids.add(id);
	for (const pack of repository.packs.values())
		for (const id of idsOfPack(pack)) ids.add(id);
	for (let i = 0; i < 5; i++) ids.add(newChunk());
	return [...ids].sort();
}

export function idsOfPack(pack: SegmentPack): string[] {
	return pack.frames.flatMap((frame) => idsIn(frame.ids));
}

/** Places are right, and there is one for each chunk that has one; `find` may only know less where `mayMiss`. */
export function expectAnswers(
	repository: FakeRepository,
	index: RepositoryIndex,
	{ mayMiss = false } = {},
): void {
	const model = modelOf(repository, repository.condemned);
	// What a reader falls back to.
	const all = modelOf(repository, new Set());
	const asked = askedIds(repository);
	const ids = Buffer.from(asked.join(""), "hex");
	const together = index.places(ids);
	const plain = index.places(ids, { plain: true });
	expect(together.length).toBe(asked.length);
	expect(index.lookup.empty).toBe(model.size === 0);
	asked.forEach((id, i) => {
		expectPlace(model.has(id) ? model : all, id, together[i]);
		const hasPlain = (one: Model) => (one.get(id)?.plain.size ?? 0) > 0;
		const preferred = hasPlain(model) || !hasPlain(all) ? model : all;
		expectPlace(preferred.has(id) ? preferred : all, id, plain[i]);
		const single = index.lookup.find(ids, i * idBytes);
		if (single !== undefined || !mayMiss) expectPlace(model, id, single);
	});
}

/** Compared by hand: a hundred thousand calls of `expect` take a minute. */
export function expectPlace(
	model: Model,
	id: string,
	place: Place | undefined,
): void {
	const known = model.get(id);
	const right =
		known === undefined
			? place === undefined
			: place !== undefined &&
				(known.plain.size > 0 ? known.plain : known.based).has(
					describePlace(place),
				);
	if (!right)
		expect({ id, place: place && describePlace(place) }).toEqual({
			id,
			place: known && [...known.plain, ...known.based],
		});
}
