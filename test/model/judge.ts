import {
	decodeGcList,
	idAt,
	isVarveError,
	NodeKind,
	type SnapshotId,
	type TreeId,
} from "@varve/format";
import type { RemoveBackend } from "@varve/store";
import { gc } from "../../packages/core/src/gc/gc.ts";
import type { GcOptions } from "../../packages/core/src/gc/options.ts";
import { prepareToRead } from "../../packages/core/src/prepare-to-read.ts";
import type { Repository } from "../../packages/core/src/repository.ts";
import { framesOf, idsIn, unfounded } from "../core/delta-workplace.ts";
import { allDead } from "./other-views.ts";
import type { Process } from "./process.ts";
import {
	backendOf,
	copyOf,
	type Files,
	openModelRepository,
	sha256Hex,
} from "./repository.ts";
import type { World } from "./world.ts";

/** Frees whatever can be freed. */
export const allOfIt: GcOptions = { grace: 0, maxUnused: { bytes: 0 } };

/** Reads every byte that a snapshot reaches; each chunk is proved by its id. Returns the ids of these. */
export async function readSnapshot(
	repository: Repository,
	id: SnapshotId,
	pause: () => Promise<void> = async () => {},
): Promise<Set<string>> {
	await prepareToRead(repository, [id]);
	const record = (await repository.index.records([id])).get(id);
	if (record === undefined) throw new Error("the record is gone");
	const { objects } = repository;
	const chunks = new Set<string>();
	const visit = async (tree: TreeId): Promise<void> => {
		chunks.add(tree);
		for (const node of [...objects.nodes(tree)]) {
			await pause();
			if (node.kind === NodeKind.directory) await visit(node.tree as TreeId);
			else {
				for (const _ of objects.bytes(node.content));
				for (const { id } of objects.items(node.content))
					if (id !== undefined) chunks.add(idAt(id));
			}
		}
	};
	for (const { tree } of record.roots) await visit(tree);
	for (const list of [record.links, record.scan])
		if (list !== undefined) {
			chunks.add(list);
			for (const piece of objects.pieces(list)) chunks.add(sha256Hex(piece));
		}
	return chunks;
}

const short = (id: string) => id.slice(0, 8);
const told = (error: unknown) =>
	isVarveError(error) ? `${error.code}: ${error.message}` : String(error);

/** What is wrong with a complete execution; those who have not ended are taken for killed. */
export async function judgeWorld(
	world: World,
	initial: Files,
): Promise<string[]> {
	const files = await world.files("seen");
	return [
		...world.faults,
		...(world.isLate ? await judgeLoss(world) : []),
		...faultsOfOutcomes(world, initial),
		...faultsOfPromises(world, files, initial),
		...(await faultsOfStages(world)),
		...(await judgeFiles(files, !world.processes.some(isWriter))),
	];
}

/** What is wrong with what is left if power is lost now: what has not become durable is not there any more. */
export async function judgeLoss(world: World): Promise<string[]> {
	const files = await world.files("durable");
	const seen = await world.files("seen");
	const unkept = world.processes.flatMap(({ name, program, outcome }) => {
		if (program.role !== "writer" || outcome?.value === undefined) return [];
		const { id } = outcome.value as { id: string };
		const isKept = files.get("snapshots")?.has(id);
		if (isKept || !seen.get("snapshots")?.has(id)) return [];
		return [`${name} was told that ${short(id)} is done, and it is lost`];
	});
	const onlyGcs = !world.processes.some(isWriter);
	return [...unkept, ...(await judgeFiles(files, onlyGcs))];
}

/** Of what each process came to. Who was fenced fails; who was not succeeds, or is told why not. */
function faultsOfOutcomes(world: World, initial: Files): string[] {
	const wasForgotten = (id = "") =>
		initial.get("forgotten")?.has(id) ||
		world.log.some(
			({ verb, kind, name }) =>
				verb === "put" && kind === "forgotten" && name === id,
		);
	const allowed: Record<string, readonly string[]> = {
		gc: ["LOCKED"],
		unforget: ["CONDEMNED", "NO_SUCH_SNAPSHOT"],
		pin: ["NO_SUCH_SNAPSHOT"],
		reader: [],
	};
	return world.processes.flatMap((process) => {
		const error = process.outcome?.error;
		if (error === undefined) return [];
		const { role, reads } = process.program;
		const isGone = world.log.some(
			({ verb, kind, name }) =>
				verb === "remove" && kind === "snapshots" && name === reads,
		);
		if (isGone) return [];
		if (isVarveError(error)) {
			if (process.suspected && error.code === "FENCED") return [];
			if (allowed[role]?.includes(error.code)) return [];
			if (error.code === "NO_SUCH_SNAPSHOT" && wasForgotten(reads)) return [];
		}
		return [`${process.name} failed: ${told(error)}`];
	});
}

/** Of what was said to someone, and is not so. */
function faultsOfPromises(
	world: World,
	files: Files,
	initial: Files,
): string[] {
	const faults: string[] = [];
	const listed = files.get("snapshots") ?? new Map();
	const forgotten = files.get("forgotten") ?? new Map();
	const at = (verb: string, kind: string, id: string, role?: string) =>
		world.log.findLastIndex(
			(one) =>
				one.verb === verb &&
				one.kind === kind &&
				one.name.startsWith(id) &&
				(role === undefined || one.role === role),
		);
	const committed = world.log.flatMap(({ verb, kind, name, failed }) =>
		verb === "put" && kind === "snapshots" && !failed ? [name] : [],
	);
	for (const id of [...(initial.get("snapshots")?.keys() ?? []), ...committed])
		if (!listed.has(id) && at("remove", "snapshots", id) < 0)
			faults.push(`${short(id)} vanished`);
	for (const { program, outcome } of world.processes) {
		if (outcome === undefined || outcome.error !== undefined) continue;
		if (program.role === "unforget")
			for (const { id } of outcome.value as { id: string }[]) {
				const looked = world.log.findIndex(
					({ process, verb, kind }) =>
						process === program.name && verb === "list" && kind === "forgotten",
				);
				const freed = at("remove", "forgotten", id, "unforget");
				if (at("put", "forgotten", id) > Math.max(looked, freed)) continue;
				if (!listed.has(id))
					faults.push(`${short(id)} was brought back and is gone`);
				else if (forgotten.has(id))
					faults.push(`${short(id)} was brought back and is forgotten`);
			}
		if (program.role === "pin")
			for (const { id } of outcome.value as { id: string }[]) {
				const forgets = world.processes.filter(
					(one) => one.program.role === "forget",
				);
				if (!forgets.every((one) => one.done && !one.outcome?.error)) continue;
				const pinned = at("put", "labels", id);
				const marked = at("put", "forgotten", id);
				if (pinned < marked && (!listed.has(id) || forgotten.has(id)))
					faults.push(`${short(id)} was pinned and is forgotten all the same`);
			}
	}
	return faults;
}

async function faultsOfStages(world: World): Promise<string[]> {
	const stages = new Set<string>(await world.inner.listStages());
	return world.processes
		.filter(({ done, lease }) => done && stages.has(lease))
		.map(({ name }) => `${name} has ended and left its stage`);
}

const isWriter = ({ program }: Process) => program.role === "writer";

/**
 * Of what lies in a repository in which nobody is at work any more, as after a loss of power. `onlyGcs`: nobody but gcs has written content, so that in
 * the end none of it lies twice.
 */
export async function judgeFiles(
	files: Files,
	onlyGcs: boolean,
): Promise<string[]> {
	const lost = await unreadable(files, true, "lost");
	if (lost.length > 0) return lost;
	const hidden = await unreadable(files, false, "cannot be read meanwhile");
	const backend = allDead(await backendOf(files));
	return [...hidden, ...(await faultsAfterGc(backend, files, onlyGcs))];
}

async function unreadable(
	files: Files,
	ignoreLists: boolean,
	what: string,
): Promise<string[]> {
	const seen = new Map(files);
	if (ignoreLists) seen.delete("gc");
	const backend = await backendOf(seen);
	const repository = await openModelRepository({ name: "judge", backend });
	const dying = ignoreLists ? new Set<string>() : dyingOf(files);
	const faults: string[] = [];
	const needed = new Set<string>();
	for (const id of files.get("snapshots")?.keys() ?? []) {
		if (dying.has(id)) continue;
		try {
			for (const chunk of await readSnapshot(repository, id as SnapshotId))
				needed.add(chunk);
		} catch (error) {
			faults.push(`${short(id)} ${what}: ${told(error)}`);
		}
	}
	return [...faults, ...(await faultsOfBases(repository, needed))];
}

/** Of chunks that snapshots need and that have no place but in frames whose bases are missing, or lie in frames with bases. */
async function faultsOfBases(
	repository: Repository,
	needed: ReadonlySet<string>,
): Promise<string[]> {
	const frames = await framesOf(repository);
	const plain = new Set(
		frames.flatMap(({ ids, bases }) => (bases.length === 0 ? idsIn(ids) : [])),
	);
	const good = new Set<string>();
	const bad = new Set<string>();
	for (const { ids, bases } of frames) {
		const stands = idsIn(bases).every((id) => plain.has(id));
		for (const id of idsIn(ids)) (stands ? good : bad).add(id);
	}
	return [...bad]
		.filter((id) => needed.has(id) && !good.has(id))
		.map(
			(id) =>
				`${short(id)} is lost: it is a difference from what is in no frame without bases`,
		);
}

/** Forgotten snapshots that a list condemns: nobody is promised that they can be read. */
export function dyingOf(files: Files): Set<string> {
	const dying = new Set<string>();
	for (const bytes of files.get("gc")?.values() ?? [])
		for (const id of decodeGcList(bytes, sha256Hex).snapshots)
			if (files.get("forgotten")?.has(id)) dying.add(id);
	return dying;
}

/** A gc that is alone puts all in order, and the next one finds nothing. */
async function faultsAfterGc(
	backend: RemoveBackend,
	before: Files,
	onlyGcs: boolean,
): Promise<string[]> {
	const faults: string[] = [];
	try {
		const repository = await openModelRepository({ name: "quiet", backend });
		const first = await gc(repository, allOfIt);
		if (first.state === "pending")
			faults.push("the last gc waits for the dead");
		let second = await gc(repository, allOfIt);
		// A base that lay twice, as of one who was killed, is worth less when it lies once: what is made with it may be made anew then.
		for (let more = 0; more < 2 && second.state === "swept"; more++)
			second = await gc(repository, allOfIt);
		if (second.state !== "nothing" || second.bytesUnused > 0)
			faults.push(
				`after the last gc another one is ${second.state}, ${second.bytesUnused} bytes unused`,
			);
		const frames = await framesOf(repository);
		for (const base of unfounded(frames))
			faults.push(`after the last gc there is no base ${short(base)}`);
		const ids = frames.flatMap((frame) => idsIn(frame.ids));
		if (onlyGcs && new Set(ids).size < ids.length)
			faults.push("after the last gc some content lies twice");
	} catch (error) {
		return [`the last gc failed: ${told(error)}`];
	}
	const after = await copyOf(backend);
	for (const kind of ["leases", "gc", "forgotten"] as const)
		for (const name of after.get(kind)?.keys() ?? [])
			faults.push(`${kind}/${short(name)} is left after the last gc`);
	for (const id of before.get("snapshots")?.keys() ?? [])
		if (!before.get("forgotten")?.has(id) && !after.get("snapshots")?.has(id))
			faults.push(`the last gc deleted ${short(id)}, which nobody forgot`);
	return [...faults, ...(await unreadable(after, true, "lost by the last gc"))];
}
