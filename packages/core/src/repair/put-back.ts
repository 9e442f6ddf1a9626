import { decodeConfig, isVarveError } from "@varve/format";
import type { Stage } from "@varve/store";
import { type CopiedKind, copyKind } from "../copies/copy-files.ts";
import { completeCopies } from "../copies/keep-copies.ts";
import {
	isCopySound,
	lostOriginals,
	restoreFromCopy,
} from "../copies/lost-originals.ts";
import type { Repository } from "../repository.ts";

/** A file of the repository. */
export interface PutBack {
	readonly kind: CopiedKind;
	readonly name: string;
}

/**
 * Puts back what is missing, or small and damaged, and has a copy that is whole: config, records, and packs that are not there. What was there in its place goes to
 * the quarantine first. Without a stage it only says what it would put back.
 */
export async function putBackLost(
	repository: Repository,
	stage: Stage | undefined,
): Promise<PutBack[]> {
	const lost: PutBack[] = [];
	if (!(await isConfigSound(repository)))
		lost.push({ kind: "config", name: "config" });
	for (const kind of ["snapshots", "packs"] as const)
		for (const { name } of await lostOriginals(repository.backend, kind))
			lost.push({ kind, name });
	for (const name of await damagedRecords(repository))
		lost.push({ kind: "snapshots", name });
	const done: PutBack[] = [];
	for (const file of lost)
		if (await putBack(repository, stage, file)) done.push(file);
	return done;
}

/** False, and nothing is changed, if there is no copy, or it is damaged too. */
export async function putBack(
	repository: Repository,
	stage: Stage | undefined,
	file: PutBack,
): Promise<boolean> {
	const { kind, name } = file;
	if (!(await isCopySound(repository, kind, name))) return false;
	if (stage === undefined) return true;
	await repository.backend.quarantine(stage, kind, name, { stays: true });
	return await restoreFromCopy(repository, stage, file);
}

async function isConfigSound({ backend, tools }: Repository): Promise<boolean> {
	try {
		const bytes = await backend.read("config", "config");
		decodeConfig(bytes, (b) => tools.sha256Hex(b));
		return true;
	} catch (error) {
		if (isVarveError(error)) return false;
		throw error;
	}
}

/** Records whose bytes are not what their names say. */
export async function damagedRecords({
	backend,
	tools,
}: Repository): Promise<string[]> {
	const damaged: string[] = [];
	for (const { name } of await backend.list("snapshots"))
		if (tools.sha256Hex(await backend.read("snapshots", name)) !== name)
			damaged.push(name);
	return damaged;
}

/**
 * Takes copies away that are damaged, and makes those anew that are missing: of what a repair has written, and of these. A copy of what is not there any more tells of a
 * loss that has been dealt with, and goes to the quarantine with its original.
 */
export async function renewCopies(
	repository: Repository,
	stage: Stage,
	{
		damaged,
		signal,
	}: {
		readonly damaged: readonly PutBack[];
		readonly signal: AbortSignal | undefined;
	},
): Promise<void> {
	const { backend } = repository;
	for (const { kind, name } of damaged)
		if (!(await isCopySound(repository, kind, name)))
			await backend.quarantine(stage, copyKind(kind), name);
	await completeCopies(repository, stage, signal);
}

/** Copies of config and records that are not what they should be. */
export async function damagedCopies(
	repository: Repository,
): Promise<PutBack[]> {
	const damaged: PutBack[] = [];
	for (const kind of ["config", "snapshots"] as const)
		for (const { name } of await repository.backend.list(copyKind(kind)))
			if (!(await isCopySound(repository, kind, name)))
				damaged.push({ kind, name });
	return damaged;
}
