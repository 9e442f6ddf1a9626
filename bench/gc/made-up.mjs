// A repository as years leave it behind, made in seconds: real packs, segments, trees and records, but chunks of a few hundred bytes.

import { randomBytes } from "node:crypto";
import { initRepository, wholeScope, withLease } from "@varve/core";
import {
	blankNode,
	emptyContent,
	encodeRecord,
	encodeSegment,
	encodeTree,
	FrameKind,
	ItemKind,
	idBytes,
	NodeKind,
	noStatistics,
	toHex,
	utf8,
} from "@varve/format";

const chunkBytes = 256;
/** As many as a frame of 1 MiB has chunks of 64 KiB. */
const chunksPerFrame = 16;
const chunksPerFile = 10;
const filesPerFolder = 20;
const foldersPerTree = 200;
export const chunksPerFolder = chunksPerFile * filesPerFolder;
const day = 24 * 3600_000;

/**
 * Snapshots, one for each day until `now`, of a tree with 4,000 files of 10 chunks; so many folders are new each day that there are `chunks`
 * chunks in the end. Packs are as large as a full one of this repository (256 kB); each snapshot has a segment of its own.
 */
export async function makeUp({ location, snapshots, chunks, now }) {
	const repository = await initRepository({
		location,
		workers: 0,
		parameters: { packBytes: 2 ** 20 },
	});
	const perDay = Math.max(
		1,
		Math.round(
			(chunks / chunksPerFolder - foldersPerTree) / Math.max(1, snapshots - 1),
		),
	);
	try {
		const lease = { kind: "writer", snapshots: [], command: "bench" };
		await withLease(repository, lease, async (stage) => {
			const maker = new Maker(repository, stage);
			for (let i = 0; i < snapshots; i++) {
				const count = i === 0 ? foldersPerTree : perDay;
				await maker.take(count, now - (snapshots - i) * day);
			}
		});
	} finally {
		await repository.close();
	}
}

class Maker {
	#repository;
	#stage;
	#folders = [];
	#packs = [];
	#next = 0;

	constructor(repository, stage) {
		this.#repository = repository;
		this.#stage = stage;
	}

	/** A snapshot after so many folders were replaced. */
	async take(count, time) {
		const content = new Frames(
			this.#repository,
			this.#stage,
			FrameKind.content,
		);
		const meta = new Frames(this.#repository, this.#stage, FrameKind.meta);
		for (let i = 0; i < count; i++) {
			const at = this.#next++ % foldersPerTree;
			const files = Array.from({ length: filesPerFolder }, (_, f) =>
				fileNode(f, content),
			);
			this.#folders[at] = meta.add(encodeTree(files));
		}
		const root = encodeTree(
			this.#folders.map((tree, i) => ({
				...blankNode(utf8(nameOf("folder", i)), NodeKind.directory),
				mode: 0o755,
				tree: toHex(tree),
			})),
		);
		const tree = toHex(meta.add(root));
		this.#packs = [...(await content.finish()), ...(await meta.finish())];
		await this.#commit(tree, time);
	}

	async #commit(tree, time) {
		const { tools } = this.#repository;
		const segment = encodeSegment(this.#stage.lease, this.#packs);
		await this.#stage.putBytes("segments", tools.sha256Hex(segment), segment);
		const record = encodeRecord(recordOf(tree, time));
		await this.#stage.putBytes("snapshots", tools.sha256Hex(record), record);
	}
}

/** Gathers chunks into frames, and frames into packs. */
class Frames {
	#repository;
	#stage;
	#kind;
	#encoder;
	#writer;
	#chunks = [];
	#written = [];
	#waiting = [];
	#bytes = 0;

	constructor(repository, stage, kind) {
		const { kernel } = repository;
		this.#repository = repository;
		this.#stage = stage;
		this.#kind = kind;
		this.#encoder = kernel.encoder("off");
		this.#writer = kernel.packWriter(kind, () => stage.spool.create());
	}

	/** Returns its id, 32 bytes. */
	add(bytes) {
		const id = this.#repository.tools.sha256(bytes).slice();
		this.#chunks.push({ id, bytes });
		if (this.#chunks.length >= chunksPerFrame) this.#close();
		return id;
	}

	#close() {
		if (this.#chunks.length === 0) return;
		const chunks = this.#chunks;
		this.#chunks = [];
		const raw = Buffer.concat(chunks.map(({ bytes }) => bytes));
		const lengths = Uint32Array.from(chunks, ({ bytes }) => bytes.length);
		const frame = this.#encoder.encode({
			kind: this.#kind,
			raw,
			lengths,
			count: chunks.length,
		});
		this.#bytes += frame.length;
		const full = this.#writer.add(frame, {
			ids: new Uint8Array(Buffer.concat(chunks.map(({ id }) => id))),
			lengths,
			bases: new Uint8Array(0),
			rawLength: raw.length,
		});
		if (full !== undefined) this.#waiting.push(full);
		else if (this.#bytes > 2 ** 18) this.#seal();
	}

	/** Large enough not to be taken for a small one. */
	#seal() {
		this.#bytes = 0;
		const pack = this.#writer.finish();
		if (pack !== undefined) this.#waiting.push(pack);
	}

	/** The packs, durable, as a segment describes them. */
	async finish() {
		this.#close();
		this.#seal();
		for (const { id, size, kind, frames, spool } of this.#waiting) {
			await this.#stage.put("packs", id, spool);
			this.#written.push({ id, size, kind, frames });
		}
		return this.#written;
	}
}

const nameOf = (what, i) => `${what}-${String(i).padStart(4, "0")}`;

function fileNode(number, content) {
	const ids = new Uint8Array(chunksPerFile * idBytes);
	for (let i = 0; i < chunksPerFile; i++)
		ids.set(content.add(randomBytes(chunkBytes)), i * idBytes);
	return {
		...blankNode(utf8(nameOf("file", number)), NodeKind.file),
		mode: 0o644,
		content: {
			...emptyContent,
			kinds: new Array(chunksPerFile).fill(ItemKind.chunk),
			lengths: new Array(chunksPerFile).fill(chunkBytes),
			ids,
		},
	};
}

const owned = { mode: 0o755, uid: 0, gid: 0, mtime: 0, mtimeNs: 0 };

function recordOf(tree, time) {
	return {
		time: new Date(time).toISOString(),
		host: "bench",
		user: "nobody",
		roots: [{ path: "/made/up", kind: "directory", tree, ...owned }],
		links: undefined,
		scan: undefined,
		parent: undefined,
		scope: wholeScope,
		tags: [],
		pin: false,
		note: "",
		program: "bench",
		statistics: noStatistics,
		unread: [],
		notKept: {},
		users: {},
		groups: {},
		provenance: {},
		known: { count: 0, hash: "0".repeat(64) },
		features: [],
	};
}
