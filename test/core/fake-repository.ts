import { createHash, randomBytes } from "node:crypto";
import {
	type Bytes,
	decodeRecord,
	defaultParameters,
	encodeForgotten,
	encodeRecord,
	type LeaseId,
	noStatistics,
	type Root,
	type SnapshotId,
	type SnapshotRecord,
	wholeScope,
} from "@varve/format";
import { createMemoryBackend, type Stage } from "@varve/store";
import type { VerbEvent } from "../../packages/core/src/events.ts";
import type {
	Repository,
	Snapshot,
} from "../../packages/core/src/repository.ts";
import { FakeObjects, type FakeTree, sha256Hex } from "./fake-objects.ts";
import { FakeTimer } from "./fake-timer.ts";

export interface FakeRepository extends Repository {
	readonly objects: FakeObjects;
	readonly events: VerbEvent[];
	/** What the clock says, ms since 1970. */
	time: number;
	/** Commits a record; its roots are made of trees. */
	add(record: Partial<FakeRecord>): Promise<Snapshot>;
	forget(id: SnapshotId): Promise<void>;
	write<T>(work: (stage: Stage) => Promise<T>): Promise<T>;
}

export interface FakeRecord extends Omit<SnapshotRecord, "roots"> {
	/** By absolute path. */
	readonly trees: { readonly [path: string]: FakeTree };
	readonly roots: readonly Root[];
}

export const start = Date.parse("2026-11-19T12:00:00Z");

/** A repository in memory: real backend, records, labels and leases, and no packs. */
export function fakeRepository(chunkBytes?: number): FakeRepository {
	const backend = createMemoryBackend();
	const objects = new FakeObjects(chunkBytes);
	const cache = new Map<string, Bytes>();
	const events: VerbEvent[] = [];
	const readRecord = async (id: SnapshotId) =>
		[id, decodeRecord(await backend.read("snapshots", id))] as const;
	const parts = {
		config: { ...defaultParameters, id: "00".repeat(32), created: "" },
		backend,
		objects,
		events,
		time: start,
		index: {
			catchUp: async () => {},
			lost: [],
			/** Each object lies in a frame of its own, at half its length. */
			places: (ids: Bytes) =>
				Array.from({ length: ids.length / 32 }, (_, i) => {
					const id = Buffer.from(ids.subarray(i * 32, i * 32 + 32));
					const length = objects.chunks.get(id.toString("hex"))?.length;
					if (length === undefined) return undefined;
					const bases = new Uint8Array(0);
					return { storedLength: length, rawLength: length * 2, length, bases };
				}),
			records: async (ids: readonly SnapshotId[]) =>
				new Map(await Promise.all(ids.map(readRecord))),
		},
		cache: {
			folder: undefined,
			get: async (name: string) => cache.get(name),
			put: async (name: string, bytes: Bytes) => {
				cache.set(name, bytes);
			},
			usage: async () => [{ name: "all", bytes: 0, files: cache.size }],
			clear: async () => cache.clear(),
		},
		tools: {
			sha256: (bytes: Bytes) => createHash("sha256").update(bytes).digest(),
			sha256Hex,
			random: (count: number) => new Uint8Array(randomBytes(count)),
		},
		clock: { now: () => parts.time, offsetMinutes: () => 0 },
		timer: new FakeTimer(start),
		identity: {
			host: "here",
			user: "me",
			machineId: "",
			bootId: "",
			pid: 1,
			startTicks: "",
			pidNamespace: "",
			program: "test",
		},
		observer: { on: (event: VerbEvent) => events.push(event), detail: false },
		workers: 0,
		write: <T>(work: (stage: Stage) => Promise<T>) => write(parts, work),
		add: (record: Partial<FakeRecord>) => add(parts, record),
		forget: (id: SnapshotId) => forget(parts, id),
		close: async () => {},
		[Symbol.asyncDispose]: async () => {},
	} as unknown as FakeRepository;
	return parts;
}

async function write<T>(
	{ backend, tools }: FakeRepository,
	work: (stage: Stage) => Promise<T>,
): Promise<T> {
	const lease = Buffer.from(tools.random(16)).toString("hex") as LeaseId;
	const stage = await backend.stage(lease);
	try {
		return await work(stage);
	} finally {
		await stage.release();
	}
}

async function add(
	repository: FakeRepository,
	{ trees = { "/": {} }, ...given }: Partial<FakeRecord>,
): Promise<Snapshot> {
	const times = { mtime: 0, mtimeNs: 0 };
	const attributes = { mode: 0o755, uid: 0, gid: 0, ...times, xattrs: [] };
	const roots = Object.entries(trees).map(([path, entries]): Root => {
		const tree = repository.objects.putTree(entries);
		return { path, kind: "directory", tree, ...attributes };
	});
	const record: SnapshotRecord = {
		time: new Date(repository.time).toISOString(),
		host: "here",
		user: "me",
		roots,
		links: undefined,
		scan: undefined,
		parent: undefined,
		scope: wholeScope,
		tags: [],
		pin: false,
		note: "",
		program: "test",
		statistics: noStatistics,
		unread: [],
		kept: [],
		notKept: {},
		users: {},
		groups: {},
		provenance: {},
		known: { count: 0, hash: "00".repeat(32) },
		features: [],
		...given,
	};
	const bytes = encodeRecord(record);
	const id = sha256Hex(bytes) as SnapshotId;
	await repository.write((stage) => stage.putBytes("snapshots", id, bytes));
	const { tags, pin, note } = record;
	return { id, record, tags, pin, note, expires: undefined, forgotten: false };
}

async function forget(
	repository: FakeRepository,
	id: SnapshotId,
): Promise<void> {
	const time = new Date(repository.time).toISOString();
	const mark = { snapshot: id, time, host: "here", user: "me", reason: "" };
	const bytes = encodeForgotten(mark, sha256Hex);
	await repository.write((stage) => stage.putBytes("forgotten", id, bytes));
}
