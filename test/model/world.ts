import { createHash } from "node:crypto";
import { type Bytes, isVarveError } from "@varve/format";
import {
	type BlockingReads,
	type FileKind,
	fileKinds,
	type ListedFile,
	type RemoveBackend,
	type Stage,
} from "@varve/store";
import { asDead, over } from "./other-views.ts";
import { reusePages } from "./page-memory.ts";
import {
	Process,
	type Program,
	quiet,
	type Role,
	type Verb,
} from "./process.ts";
import {
	backendOf,
	copyOf,
	type Files,
	type Innards,
	openModelRepository,
} from "./repository.ts";

/** Takes one guard away: sits between a process and the backend. Only here, and for tests only. */
export type Switch = (
	backend: RemoveBackend,
	process: Process,
	world: World,
) => RemoveBackend;

/** The same for a guard that does not show in what is asked of the backend. */
export interface InnerSwitch extends Innards {
	readonly role: Role;
}

export interface WorldOptions {
	readonly files: Files;
	readonly programs: readonly Program[];
	readonly off?: Switch | InnerSwitch | undefined;
	/** Listings take two steps, and see each name at one of them or the other. */
	readonly torn?: boolean | undefined;
	/** Reads of what is named by its content need no step of their own. */
	readonly coarse?: boolean | undefined;
	/** The tasks of crews, which read packs, are steps of their own. */
	readonly tasks?: boolean | undefined;
	/** A file that is put is seen by all one step before it is durable. */
	readonly late?: boolean | undefined;
}

export interface Happened {
	readonly process: string;
	readonly role: Role;
	readonly verb: Verb;
	readonly kind: FileKind | "";
	readonly name: string;
	failed: boolean;
}

type GatedStep = <T>(
	verb: Verb,
	kind: FileKind,
	name: string,
	run: () => Promise<T>,
) => Promise<T>;

const contentNamed: readonly FileKind[] = [
	"packs",
	"segments",
	"snapshots",
	"copies/packs",
	"copies/snapshots",
];

export class World {
	readonly inner: RemoveBackend;
	readonly processes: Process[] = [];
	readonly log: Happened[] = [];
	/** What an execution must not do, found while it went on. */
	readonly faults: string[] = [];
	/** Files that are there and not yet durable, as `<kind>/<name>`. */
	readonly #late = new Set<string>();
	readonly #owners = new Map<string, Process>();
	readonly #options: WorldOptions;
	#content = "";

	private constructor(inner: RemoveBackend, options: WorldOptions) {
		this.inner = inner;
		this.#options = options;
	}

	static async start(options: WorldOptions): Promise<World> {
		reusePages();
		const world = new World(await backendOf(options.files), options);
		for (const program of options.programs) await world.#begin(program);
		return world;
	}

	async #begin(program: Program): Promise<void> {
		const process = new Process(program);
		this.processes.push(process);
		const gated = this.#gate(process);
		const { off, tasks } = this.#options;
		const backend =
			typeof off === "function" ? off(gated, process, this) : gated;
		const innards =
			typeof off === "object" && off.role === program.role ? off : {};
		const step = (verb: Verb, kind: FileKind | "" = "") => {
			const what = { verb, kind, name: "" };
			return () => this.#step(process, what, async () => {}) as Promise<void>;
		};
		const repository = await openModelRepository({
			...innards,
			name: program.name,
			backend,
			sleep: step("sleep"),
			beforeTask: tasks === true ? step("read", "packs") : undefined,
		});
		program.run(repository, step("sleep")).then(
			(value) => {
				process.outcome = { value };
				process.done = true;
			},
			(error: unknown) => {
				process.outcome = { error };
				process.done = true;
			},
		);
		await quiet(process);
	}

	find(name: string): Process {
		const found = this.processes.find((one) => one.name === name);
		if (found === undefined) throw new Error(`no process ${name}`);
		return found;
	}

	/** What is there; or what of it would be left if power were lost now. */
	async files(what: "seen" | "durable"): Promise<Files> {
		const files = await copyOf(this.inner);
		if (what === "seen") return files;
		return new Map(
			[...files].map(([kind, of]) => [
				kind,
				new Map([...of].filter(([name]) => !this.#late.has(`${kind}/${name}`))),
			]),
		);
	}

	/** Some of what is seen is not durable. */
	get isLate(): boolean {
		return this.#late.size > 0;
	}

	/** One step of one process, up to where it waits for the next. */
	async go(process: Process): Promise<void> {
		const step = process.waiting.shift();
		if (step === undefined) throw new Error(`${process.name} cannot go on`);
		const { verb, kind, name } = step;
		process.steps++;
		const { role } = process.program;
		const happened = {
			process: process.name,
			role,
			verb,
			kind,
			name,
			failed: false,
		};
		this.log.push(happened);
		let told: string;
		let settle: () => void;
		try {
			const value = await step.run();
			told = digest(value);
			settle = () => step.resolve(value);
		} catch (error) {
			told = isVarveError(error) ? error.code : String(error);
			settle = () => step.reject(error);
			happened.failed = true;
		}
		if (verb !== "list" && verb !== "read" && verb !== "sleep")
			this.#content = "";
		process.learn(`${verb} ${kind} ${name} ${told};`);
		settle();
		await quiet(process);
	}

	/** Equal for equal futures: what is stored, and all that each process knows. */
	async key(): Promise<string> {
		this.#content ||= await this.#contentKey();
		const states = this.processes.map(
			(p) =>
				`${p.history}${p.killed ? "k" : ""}${p.suspected ? "s" : ""}${p.done ? "d" : ""}`,
		);
		return createHash("sha1")
			.update(`${this.#content}|${states.join("|")}`)
			.digest("base64");
	}

	async #contentKey(): Promise<string> {
		const hash = createHash("sha1");
		for (const kind of fileKinds) {
			const files = await this.inner.list(kind);
			hash.update(
				`${kind}:${files
					.map(({ name }) => name)
					.sort()
					.join(",")};`,
			);
		}
		hash.update([...this.#late].sort().join(","));
		hash.update((await this.inner.listStages()).sort().join(","));
		return hash.digest("hex");
	}

	#step<T>(
		process: Process,
		what: { verb: Verb; kind: FileKind | ""; name: string },
		run: () => Promise<T>,
	): Promise<T> {
		return new Promise((resolve, reject) => {
			process.waiting.push({
				...what,
				run,
				resolve: resolve as (value: unknown) => void,
				reject,
			});
		});
	}

	/** The backend as one process sees it. */
	#gate(process: Process): RemoveBackend {
		const { inner } = this;
		const step = <T>(
			verb: Verb,
			kind: FileKind | "",
			name: string,
			run: () => Promise<T>,
		) => this.#step(process, { verb, kind, name }, run);
		const gated: Partial<RemoveBackend> = {
			list: (kind) =>
				this.#options.torn === true
					? this.#listTorn(process, kind)
					: step("list", kind, "", () => inner.list(kind)),
			read: (kind, name, range) => {
				const read = () => this.#read(process, kind, name, range);
				return this.#options.coarse === true && contentNamed.includes(kind)
					? read()
					: step("read", kind, name, read);
			},
			size: async (kind, name) =>
				kind === "reserve" ? 1024 * 1024 : inner.size(kind, name),
			stage: async (lease) => {
				if (process.lease === "") process.lease = lease;
				this.#owners.set(lease, process);
				const stage = await inner.stage(lease);
				return this.#gateStage(stage, step);
			},
			fence: (lease) => step("fence", "", lease, () => inner.fence(lease)),
			remove: (stage, kind, name) =>
				step("remove", kind, name, async () => {
					if (kind === "snapshots") await this.#mayGo(stage, name);
					await inner.remove(stage, kind, name);
					this.#late.delete(`${kind}/${name}`);
				}),
			settle: async (kinds) => {
				for (const kind of kinds) await this.#settle(kind, "", step);
			},
			settlePacks: async (names) => {
				for (const name of names) await this.#settle("packs", name, step);
			},
		};
		return over(inner, { ...gated, blocking: this.#blockingReads(process) });
	}

	/** No steps. What is named by its content is the same whenever it is read; that it is gone, the process has been told. */
	#blockingReads(process: Process): BlockingReads {
		const { blocking } = this.inner;
		return {
			readInto: (kind, name, at, target) => {
				try {
					blocking.readInto(kind, name, at, target);
				} catch (error) {
					process.learn(`no ${kind} ${name};`);
					throw error;
				}
			},
			size: (kind, name) => {
				const size = blocking.size(kind, name);
				if (size === undefined) process.learn(`no ${kind} ${name};`);
				return size;
			},
			close: () => blocking.close(),
		};
	}

	#gateStage(stage: Stage, step: GatedStep): Stage {
		const put = async (
			kind: FileKind,
			name: string,
			write: () => Promise<void>,
		) => {
			await step("put", kind, name, async () => {
				// A file that replaces an equal one leaves its name durable.
				const isThere = this.inner.blocking.size(kind, name) !== undefined;
				await write();
				if (this.#options.late === true && !isThere)
					this.#late.add(`${kind}/${name}`);
			});
			await this.#settle(kind, name, step);
		};
		return {
			lease: stage.lease,
			descriptor: stage.descriptor,
			spool: stage.spool,
			put: (kind, name, spoolName) =>
				put(kind, name, () => stage.put(kind, name, spoolName)),
			putBytes: (kind, name, bytes, options) =>
				put(kind, name, () => stage.putBytes(kind, name, bytes, options)),
			release: () => stage.release(),
		};
	}

	/** Syncs a directory: all that is in it is durable then. */
	async #settle(kind: FileKind, name: string, step: GatedStep): Promise<void> {
		if (this.#options.late !== true) return;
		const folder = `${kind}/${kind === "packs" ? name.slice(0, 2) : ""}`;
		await step("sync", kind, name, async () => {
			for (const one of this.#late)
				if (one.startsWith(folder)) this.#late.delete(one);
		});
	}

	async #listTorn(process: Process, kind: FileKind): Promise<ListedFile[]> {
		// Not the same halves each time.
		const bit = 1 << (process.steps % 5);
		const half = async (odd: number) =>
			(await this.inner.list(kind)).filter(
				({ name }) =>
					((Number.parseInt(name.slice(3, 5), 16) & bit) === 0) === (odd === 0),
			);
		const first = process.steps % 2;
		const what = { verb: "list", kind, name: "" } as const;
		const begun = await this.#step(process, what, () => half(first));
		const rest = await this.#step(process, what, () => half(1 - first));
		return [...begun, ...rest];
	}

	async #read(
		process: Process,
		kind: FileKind,
		name: string,
		range?: { at: number; length: number },
	): Promise<Bytes> {
		const bytes = await this.inner.read(kind, name, range);
		const owner = this.#owners.get(name.slice(0, 32));
		if (kind !== "leases" || owner === undefined || owner === process)
			return bytes;
		return owner.killed || owner.suspected ? asDead(bytes) : bytes;
	}

	/** Nothing may delete a record that nobody has forgotten. */
	async #mayGo(stage: Stage, id: string): Promise<void> {
		const stages = await this.inner.listStages();
		if (!stages.includes(stage.lease)) return;
		if ((await this.inner.size("snapshots", id)) === undefined) return;
		if ((await this.inner.size("forgotten", id)) === undefined)
			this.faults.push(`${id.slice(0, 8)} is deleted and not forgotten`);
	}
}

function digest(value: unknown): string {
	if (value instanceof Uint8Array)
		return createHash("sha1").update(value).digest("base64");
	if (Array.isArray(value))
		return (value as ListedFile[])
			.map(({ name }) => name)
			.sort()
			.join(",");
	return String(value);
}
