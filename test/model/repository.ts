import { createHash } from "node:crypto";
import {
	type Bytes,
	type Config,
	defaultParameters,
	type LeaseId,
} from "@varve/format";
import {
	createKernel,
	createToolbox,
	inlinePool,
	type Kernel,
	type Toolbox,
} from "@varve/kernel";
import {
	type ChunkLookup,
	type ChunkTable,
	createMemoryBackend,
	type FileKind,
	fileKinds,
	openChunkLookup,
	openClientCache,
	openRepositoryIndex,
	openSegments,
	type RemoveBackend,
} from "@varve/store";
import { identify } from "../../packages/core/src/identity.ts";
import type { JobContext } from "../../packages/core/src/job.ts";
import { jobFactory } from "../../packages/core/src/jobs.ts";
import { createObjectReader } from "../../packages/core/src/objects.ts";
import type {
	Crew,
	CrewOptions,
	Repository,
} from "../../packages/core/src/repository.ts";

/** Each file up to 2 KiB is one chunk; each frame and each pack holds one or two. Some 14 KB of content fill a cold frame. */
export const config: Config = {
	...defaultParameters,
	chunker: { algorithm: "gear1", min: 2048, average: 4096, max: 8192 },
	frameBytes: 1024,
	packBytes: 1024,
	id: "11".repeat(32),
	created: "2026-01-01T00:00:00.000Z",
};

const tools = await createToolbox();
export const { sha256Hex } = tools;
const here = { ...identify("model"), host: "model", user: "model" };
/** Far ahead of every file's times, and the same for all and in each run. */
export const now = Date.parse("2100-01-01T00:00:00Z");

/** The same bytes in each run for the same name. */
function seededRandom(name: string): Toolbox["random"] {
	let count = 0;
	return (bytes) => {
		const parts: Buffer[] = [];
		for (let length = 0; length < bytes; length += 32)
			parts.push(createHash("sha256").update(`${name} ${count++}`).digest());
		return new Uint8Array(Buffer.concat(parts).subarray(0, bytes));
	};
}

const cutters = new Map<string, ReturnType<Kernel["cutter"]>>();
const encoders = new Map<string, ReturnType<Kernel["encoder"]>>();

/** Thousands of executions follow each other: what is large is made once for all that are made by a process of this name. */
function kernelOf(name: string, own: Toolbox): Kernel {
	const kernel = createKernel(own, { config });
	return {
		...kernel,
		cutter: (bytes) => made(cutters, name, () => kernel.cutter(bytes)),
		encoder: (how) => made(encoders, how, () => kernel.encoder(how)),
		newClaims: () => kernel.newClaims(64),
	};
}

function made<T>(all: Map<string, T>, name: string, make: () => T): T {
	const one = all.get(name) ?? make();
	all.set(name, one);
	return one;
}

/** What a process asks that does not ask its backend each time: for tests, which take a guard away there. */
export interface Innards {
	/** Of what reads and stores file content. */
	readonly lookup?: (lookup: ChunkLookup) => ChunkLookup;
	/** Of a gc. */
	readonly table?: (table: ChunkTable) => ChunkTable;
}

export interface OpenParts extends Innards {
	/** Whose random numbers these are. */
	readonly name: string;
	readonly backend: RemoveBackend;
	readonly sleep?: () => Promise<void>;
	/** Before each task of a crew, which reads packs without a pause. */
	readonly beforeTask?: (() => Promise<void>) | undefined;
}

/** The real thing, with a backend, a clock and random numbers of ours, and with no cache. */
export async function openModelRepository({
	name,
	backend,
	sleep = async () => {},
	beforeTask,
	lookup = (one) => one,
	table = (one) => one,
}: OpenParts): Promise<Repository> {
	const own: Toolbox = { ...tools, random: seededRandom(name) };
	const kernel = kernelOf(name, own);
	const hash64 = (bytes: Bytes) => own.hash64(bytes);
	const index = await openRepositoryIndex({
		backend,
		cacheFolder: undefined,
		repositoryId: config.id,
		hash64,
		sha256Hex: own.sha256Hex,
		warn: () => {},
	});
	const cache = await openClientCache(undefined, hash64);
	return {
		config,
		backend,
		index,
		cache,
		tools: own,
		kernel,
		clock: { now: () => now, offsetMinutes: () => 0 },
		timer: { after: () => () => {}, sleep, uptime: () => 1 },
		identity: here,
		observer: { on: () => {}, detail: false },
		workers: 0,
		objects: createObjectReader({ backend, index, tools: own }),
		openSegments: async (listing, signal) => {
			const options = { backend, hash64, warn: () => {}, signal };
			const open = await openSegments(listing, options);
			return { ...open, table: (without) => table(open.table(without)) };
		},
		startCrew: async ({ job, setup, stage, signal }: CrewOptions) => {
			const context: JobContext = {
				config,
				kernel,
				reads: backend.blocking,
				openLookup: async (descriptor) =>
					lookup(await openChunkLookup(descriptor, hash64)),
				openSpool: () => {
					if (stage === undefined) throw new Error("no stage");
					return stage.spool;
				},
			};
			const crew = inlinePool(await (await jobFactory(job))(context, setup), {
				signal,
			});
			return beforeTask === undefined ? crew : hesitant(crew, beforeTask);
		},
		close: async () => {},
		[Symbol.asyncDispose]: async () => {},
	};
}

/** The same with a pause before each task. */
function hesitant(crew: Crew, pause: () => Promise<void>): Crew {
	const { submit, submitToEach } = crew;
	return Object.assign(crew, {
		submit: async (task: object) => {
			await pause();
			await submit.call(crew, task);
		},
		submitToEach: async (task: () => object) => {
			await pause();
			await submitToEach.call(crew, task);
		},
	});
}

/** What lies in a repository, by kind and name. */
export type Files = ReadonlyMap<FileKind, ReadonlyMap<string, Bytes>>;

export async function copyOf(backend: RemoveBackend): Promise<Files> {
	const files = new Map<FileKind, Map<string, Bytes>>();
	for (const kind of fileKinds) {
		const of = new Map<string, Bytes>();
		for (const { name } of await backend.list(kind))
			of.set(name, await backend.read(kind, name));
		if (of.size > 0) files.set(kind, of);
	}
	return files;
}

export async function backendOf(files: Files): Promise<RemoveBackend> {
	const backend = createMemoryBackend();
	const stage = await backend.stage("ff".repeat(16) as LeaseId);
	for (const [kind, of] of files)
		for (const [name, bytes] of of) await stage.putBytes(kind, name, bytes);
	await stage.release();
	return backend;
}
