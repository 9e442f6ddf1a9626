import { availableParallelism } from "node:os";
import {
	type Config,
	defaultParameters,
	encodeConfig,
	type LeaseId,
	leastReserve,
	requireParameters,
	toHex,
} from "@varve/format";
import {
	createKernel,
	createToolbox,
	inlinePool,
	type Kernel,
	startPool,
	type Toolbox,
} from "@varve/kernel";
import {
	createLocalBackend,
	openChunkLookup,
	openClientCache,
	openLocalBackend,
	openRepositoryIndex,
	openSegments,
	openSpool,
	type RemoveBackend,
	type Spool,
} from "@varve/store";
import { readConfig } from "./copies/read-config.ts";
import { tellCopies } from "./copies/tell-copies.ts";
import { withDiagnostics } from "./diagnostics.ts";
import type { Observer } from "./events.ts";
import { identify } from "./identity.ts";
import type { JobContext } from "./job.ts";
import { jobFactory } from "./jobs.ts";
import { createObjectReader } from "./objects.ts";
import type { Clock, Identity, Timer } from "./ports.ts";
import type { Crew, CrewOptions, Repository } from "./repository.ts";
import { systemTimer } from "./system-timer.ts";
import type { WorkerOrders } from "./worker.ts";

export interface OpenOptions {
	/** Folder of the repository, or a backend that is open already and is closed with the repository. */
	readonly location: string | RemoveBackend;
	/** Where this client keeps what it can lose; undefined keeps nothing. */
	readonly cacheFolder?: string | undefined;
	/** Threads; undefined takes one for each processor. 0 works in this thread. */
	readonly workers?: number | undefined;
	readonly observer?: Partial<Observer> | undefined;
	readonly clock?: Clock | undefined;
	readonly timer?: Timer | undefined;
	readonly identity?: Partial<Identity> | undefined;
}

export interface InitOptions extends OpenOptions {
	readonly parameters?: Partial<Omit<Config, "id" | "created">> | undefined;
}

export const programName = "varve 0.1.0";

/** Opens a repository. NotFoundError "NO_REPOSITORY" where there is none, UnsupportedError for a newer one. */
export async function openRepository(
	options: OpenOptions,
): Promise<Repository> {
	const observer = observerOf(options);
	const backend =
		typeof options.location === "string"
			? await openLocalBackend(options.location, {
					warn: (warning) =>
						observer.on({ type: "warning", message: warning.message }),
				})
			: options.location;
	try {
		const tools = await createToolbox();
		const config = await readConfig({ backend, tools, observer });
		return await assemble({ backend, config, tools, observer, options });
	} catch (error) {
		await backend.close();
		throw error;
	}
}

/** Makes a repository and opens it. ConflictError where the folder holds something already. */
export async function initRepository(
	options: InitOptions,
): Promise<Repository> {
	const backend =
		typeof options.location === "string"
			? await createLocalBackend(options.location)
			: options.location;
	try {
		const tools = await createToolbox();
		const created = new Date(
			(options.clock ?? systemClock).now(),
		).toISOString();
		const config: Config = {
			...defaultParameters,
			...options.parameters,
			id: toHex(tools.random(32)),
			created,
		};
		requireParameters(config);
		const stage = await backend.stage(toHex(tools.random(16)) as LeaseId);
		try {
			await stage.putBytes("reserve", "reserve", new Uint8Array(leastReserve));
			const bytes = encodeConfig(config, (b) => tools.sha256Hex(b));
			await stage.putBytes("config", "config", bytes, { exclusive: true });
			if (config.copies !== false)
				await stage.putBytes("copies/config", "config", bytes);
		} finally {
			await stage.release();
		}
		return await assemble({
			backend,
			config,
			tools,
			observer: observerOf(options),
			options,
		});
	} catch (error) {
		await backend.close();
		throw error;
	}
}

function observerOf({ observer }: OpenOptions): Observer {
	return withDiagnostics({
		on: observer?.on ?? (() => {}),
		detail: observer?.detail ?? false,
	});
}

interface Parts {
	readonly backend: RemoveBackend;
	readonly config: Config;
	readonly tools: Toolbox;
	readonly observer: Observer;
	readonly options: OpenOptions;
}

async function assemble({
	backend,
	config,
	tools,
	observer,
	options,
}: Parts): Promise<Repository> {
	const warn = (warning: { message: string }) =>
		observer.on({ type: "warning", message: warning.message });
	const kernel = createKernel(tools, { config });
	const hash64 = (bytes: Uint8Array) => tools.hash64(bytes);
	const sha256Hex = (bytes: Uint8Array) => tools.sha256Hex(bytes);
	const { cacheFolder } = options;
	const index = await openRepositoryIndex({
		backend,
		cacheFolder,
		repositoryId: config.id,
		hash64,
		sha256Hex,
		warn,
	});
	const cache = await openClientCache(
		cacheFolder === undefined ? undefined : `${cacheFolder}/${config.id}`,
		hash64,
	);
	let closed = false;
	const repository: Repository = {
		config,
		backend,
		index,
		cache,
		tools,
		kernel,
		clock: options.clock ?? systemClock,
		timer: options.timer ?? systemTimer,
		identity: identify(programName, options.identity),
		observer,
		workers: options.workers ?? availableParallelism(),
		objects: createObjectReader({
			backend,
			index,
			tools,
			onCopyRead: tellCopies(observer),
		}),
		openSegments: (listing, signal) =>
			openSegments(listing, { backend, hash64, warn, signal }),
		startCrew: (crew) => startCrew(crew, { backend, config, kernel }),
		async close() {
			if (closed) return;
			closed = true;
			await index.close();
			await backend.close();
		},
		[Symbol.asyncDispose]: () => repository.close(),
	};
	return repository;
}

interface CrewParts {
	readonly backend: RemoveBackend;
	readonly config: Config;
	readonly kernel: Kernel;
}

async function startCrew(
	{ workers, signal, job, setup, stage }: CrewOptions,
	{ backend, config, kernel }: CrewParts,
): Promise<Crew> {
	if (workers > 0 && backend.descriptor !== undefined) {
		const url = new URL("../dist/worker.js", import.meta.url);
		const workerData: WorkerOrders = {
			job,
			config,
			backend: backend.descriptor,
			setup,
		};
		return startPool({ url, size: workers, workerData, signal });
	}
	const context: JobContext = {
		config,
		kernel,
		reads: backend.blocking,
		openLookup: (descriptor) =>
			openChunkLookup(descriptor, (bytes) => kernel.tools.hash64(bytes)),
		openSpool: (descriptor) => {
			if (stage !== undefined) return stage.spool;
			if (descriptor !== undefined) return openSpool(descriptor);
			return noSpool;
		},
	};
	const factory = await jobFactory(job);
	return inlinePool(await factory(context, setup), { signal });
}

/** Of jobs that write nothing. */
const noSpool: Spool = {
	create() {
		throw new Error("this job has no stage");
	},
};

const systemClock: Clock = {
	now: () => Date.now(),
	offsetMinutes: (time) => -new Date(time).getTimezoneOffset(),
};
