import { createHash } from "node:crypto";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import {
	type InitOptions,
	initRepository,
	isVarveError,
	openRepository,
	type Repository,
	type SnapshotId,
	type SnapshotOptions,
	type SnapshotRecord,
	snapshot,
	type VerbEvent,
} from "@varve/core";
import {
	type Bytes,
	decodeName,
	decodePages,
	decodeTree,
	isPaged,
	type LeaseId,
	type Node,
	NodeKind,
	type TreeId,
	wholeScope,
} from "@varve/format";
import {
	createMemoryBackend,
	type FileKind,
	fileKinds,
	type RemoveBackend,
} from "@varve/store";
import { makeTree, type TreeLiteral } from "@varve/testkit";
import { prepareToRead } from "../../../packages/core/src/prepare-to-read.ts";
import { seeded } from "../random.mjs";

/** Chunks, frames and packs of so few bytes that a small tree has several of each. */
export const smallParameters = {
	chunker: { algorithm: "gear1", min: 256, average: 1024, max: 4096 },
	frameBytes: 4096,
	packBytes: 8192,
} as const;

/** Far ahead of the times of all files, so that nothing is too young to be trusted, and never the same twice. */
let now = Date.now() + 3_600_000;
const clock = { now: () => now++, offsetMinutes: () => 0 };

/** Of a process that will not be there when others look. */
const gone = { pid: 2 ** 22 + 1, startTicks: "1" };

/** The files of a repository in memory, by kind and name. */
export type Files = readonly {
	readonly kind: FileKind;
	readonly name: string;
	readonly bytes: Bytes;
}[];

/** Opens what lies in a backend; all of it runs in this thread. */
export function openOn(
	backend: RemoveBackend,
	how: { dies?: boolean; on?: (event: VerbEvent) => void } = {},
): Promise<Repository> {
	return openRepository({
		location: backend,
		workers: 0,
		clock,
		identity: how.dies === true ? gone : {},
		observer: how.on === undefined ? {} : { on: how.on },
	});
}

export async function filesOf(backend: RemoveBackend): Promise<Files> {
	const files = [];
	for (const kind of fileKinds)
		for (const { name } of await backend.list(kind))
			files.push({ kind, name, bytes: await backend.read(kind, name) });
	return files;
}

let stages = 0;

/** Writes files past all order, as damage does. */
export async function put(backend: RemoveBackend, files: Files): Promise<void> {
	const lease = (++stages).toString(16).padStart(32, "f") as LeaseId;
	const stage = await backend.stage(lease);
	for (const { kind, name, bytes } of files)
		await stage.putBytes(kind, name, bytes);
	await stage.release();
}

export async function remove(
	backend: RemoveBackend,
	kind: FileKind,
	name: string,
): Promise<void> {
	const lease = (++stages).toString(16).padStart(32, "e") as LeaseId;
	const stage = await backend.stage(lease);
	await backend.remove(stage, kind, name);
	await stage.release();
}

export async function backendWith(files: Files): Promise<RemoveBackend> {
	const backend = createMemoryBackend();
	await put(backend, files);
	return backend;
}

/** Each path of a snapshot with a hash of what is there; undefined for what cannot be read. */
export type Content = ReadonlyMap<string, string | undefined>;

/** All that can be read of the snapshots that are listed. Nothing but damage makes anything unreadable. */
export async function readAll(
	repository: Repository,
): Promise<Map<SnapshotId, Content>> {
	const listed = await repository.backend.list("snapshots");
	const ids = listed.map(({ name }) => name as SnapshotId);
	const records = await repository.index.records(ids);
	repository.objects.outdate();
	await prepareToRead(repository, [...records.keys()]);
	return new Map(
		[...records].map(([id, record]) => [id, contentOf(repository, record)]),
	);
}

export function contentOf(
	{ objects }: Repository,
	{ roots }: Pick<SnapshotRecord, "roots">,
): Content {
	const content = new Map<string, string | undefined>();
	const nodesOf = (tree: TreeId): readonly Node[] => {
		const bytes = objects.read(tree).slice();
		return isPaged(bytes)
			? decodePages(bytes).flatMap((page) => nodesOf(page.tree))
			: decodeTree(bytes);
	};
	const enter = (tree: TreeId, below: string) => {
		const nodes = attempt(() => nodesOf(tree));
		content.set(`${below}/`, nodes === undefined ? undefined : "directory");
		for (const node of nodes ?? []) {
			const path = `${below}/${decodeName(node.name)}`;
			if (node.tree !== undefined) enter(node.tree, path);
			else if (node.kind === NodeKind.file)
				content.set(
					path,
					attempt(() => {
						const hash = createHash("sha256");
						for (const part of objects.bytes(node.content)) hash.update(part);
						return hash.digest("hex");
					}),
				);
		}
	};
	for (const { tree, path } of roots) enter(tree, path === "/" ? "" : path);
	return content;
}

/** undefined for damage. */
export function attempt<T>(work: () => T): T | undefined {
	try {
		return work();
	} catch (error) {
		if (isVarveError(error) && error.name !== "InputError") return undefined;
		throw error;
	}
}

/** Bytes that do not compress. */
export function noise(length: number, seed: number): Uint8Array {
	return seeded(seed).bytes(length);
}

export interface BenchOptions {
	readonly copies?: boolean;
	readonly parameters?: InitOptions["parameters"];
	/** What is done after the second snapshot. */
	readonly also?: (repository: Repository) => Promise<void>;
}

/** A repository in memory with two snapshots of a folder, and what they hold. */
export class Bench {
	readonly source: string;
	readonly first: SnapshotId;
	readonly second: SnapshotId;
	readonly files: Files;
	readonly contents: ReadonlyMap<SnapshotId, Content>;
	readonly records: ReadonlyMap<SnapshotId, SnapshotRecord>;
	readonly #folder: string;

	private constructor(
		made: Pick<
			Bench,
			"source" | "first" | "second" | "files" | "contents" | "records"
		> & {
			folder: string;
		},
	) {
		this.source = made.source;
		this.first = made.first;
		this.second = made.second;
		this.files = made.files;
		this.contents = made.contents;
		this.records = made.records;
		this.#folder = made.folder;
	}

	/** Of two snapshots: most files stay, one changes, some are new. */
	static usual(): Promise<Bench> {
		return Bench.make(
			{
				kept: noise(3000, 1),
				sub: { large: noise(9000, 2), text: "words ".repeat(900) },
				changed: noise(2500, 3),
			},
			{ changed: noise(2500, 4), more: { a: noise(3000, 5), b: "short" } },
		);
	}

	static async make(
		before: TreeLiteral,
		after: TreeLiteral,
		{ copies = false, parameters = smallParameters, also }: BenchOptions = {},
	): Promise<Bench> {
		const folder = mkdtempSync(join(tmpdir(), "varve-repair-"));
		const source = join(folder, "source");
		const backend = createMemoryBackend();
		const repository = await initRepository({
			...{ location: backend, workers: 0, clock },
			parameters: copies ? parameters : { ...parameters, copies },
		});
		makeTree(source, before);
		const first = await takeIn(repository, source);
		makeTree(source, after);
		const second = await takeIn(repository, source);
		await also?.(repository);
		const contents = await readAll(repository);
		const records = await repository.index.records([...contents.keys()]);
		const files = await filesOf(backend);
		return new Bench({
			...{ folder, source, first, second, files, contents, records },
		});
	}

	/** A repository of its own with these files, some of them changed. */
	fresh(): Promise<RemoveBackend> {
		return backendWith(this.files);
	}

	remove(): void {
		rmSync(this.#folder, { recursive: true, force: true });
	}
}

export async function takeIn(
	repository: Repository,
	path: string,
	options: Partial<SnapshotOptions> = {},
): Promise<SnapshotId> {
	const { id } = await snapshot(repository, {
		roots: [{ path, kind: "directory", names: [] }],
		scope: wholeScope,
		...options,
	});
	if (id === undefined) throw new Error("no snapshot was taken");
	return id;
}

/** Paths that could be read before and cannot be any more, or are something else. */
export function worse(
	before: ReadonlyMap<SnapshotId, Content>,
	after: ReadonlyMap<SnapshotId, Content>,
): string[] {
	const found: string[] = [];
	for (const [id, content] of before) {
		const now = after.get(id);
		if (now === undefined) found.push(`the snapshot ${id.slice(0, 8)}`);
		else
			for (const [path, hash] of content)
				if (hash !== undefined && now.get(path) !== hash)
					found.push(`${path} of ${id.slice(0, 8)}`);
	}
	return found;
}

/** What is not as it was taken, though it can be read: never anything. */
export function wrong(
	taken: ReadonlyMap<SnapshotId, Content>,
	now: ReadonlyMap<SnapshotId, Content>,
): string[] {
	const found: string[] = [];
	for (const [id, content] of now) {
		const original = taken.get(id);
		if (original === undefined) continue;
		for (const [path, hash] of content)
			if (hash !== undefined && original.get(path) !== hash)
				found.push(`${path} of ${id.slice(0, 8)}`);
	}
	return found;
}
