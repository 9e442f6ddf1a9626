import {
	InputError,
	idToBytes,
	NotFoundError,
	type PackId,
} from "@varve/format";
import type { FileKind, ListedFile, Listing, Stage } from "@varve/store";
import type { CopiedKind } from "../copies/copy-files.ts";
import { listToRead } from "../prepare-to-read.ts";
import type { Repository } from "../repository.ts";
import { toldAs } from "../told-as.ts";
import type { Finding } from "../verify/finding.ts";
import { verify } from "../verify/verify.ts";
import { catchUp, dropAbsent, noneAbsent, notAmong } from "./absent-packs.ts";
import { withRepairLease } from "./exclusive.ts";
import { lossesOf } from "./losses.ts";
import { mendPacks } from "./mend-packs.ts";
import type { PacksRepaired, RepairPacksOptions } from "./options.ts";
import { type PutBack, putBackLost, renewCopies } from "./put-back.ts";

/**
 * Moves all that is intact in damaged packs to new ones and the damaged ones to the quarantine, and says what is lost. Done again, or killed anywhere and then
 * done again, it ends the same. NotFoundError "NO_SUCH_PACK" for a pack that is not there.
 */
export async function repairPacks(
	repository: Repository,
	options: RepairPacksOptions = {},
): Promise<PacksRepaired> {
	return await toldAs(
		repository,
		{ verb: "repair", subject: "packs" },
		async () => {
			const found =
				options.packs === undefined
					? await suspects(repository, options)
					: { names: options.packs, copies: [] };
			if (options.dryRun === true)
				return await mend(repository, undefined, { ...options, ...found });
			const { signal } = options;
			const lease = { command: "repair packs", signal };
			return await withRepairLease(repository, lease, (stage, signal) =>
				mend(repository, stage, { ...options, ...found, signal }),
			);
		},
	);
}

interface Suspects {
	/** Of packs. */
	readonly names: readonly string[];
	/** Copies that are not what they should be. */
	readonly copies: readonly PutBack[];
}

/**
 * Packs in which verify finds anything, and copies. Every byte is compared with its checksum at the least: who repairs is not to be told that
 * nothing is lost by someone who has not looked.
 */
async function suspects(
	repository: Repository,
	{ readData = false, signal }: RepairPacksOptions,
): Promise<Suspects> {
	const levels = readData
		? ["data" as const]
		: ["structure" as const, "scrub" as const];
	const findings: Finding[] = [];
	for (const level of levels)
		findings.push(...(await verify(repository, { level, signal })).findings);
	const packs = new Set<string>();
	const copies: PutBack[] = [];
	for (const { pack, chunk, file } of findings) {
		const copied = file === undefined ? undefined : copiedKindOf(file.kind);
		if (file !== undefined && copied !== undefined)
			copies.push({ kind: copied, name: file.name });
		else if (pack !== undefined) packs.add(pack);
		else if (chunk !== undefined) {
			// A tree that could not be read.
			const [place] = repository.index.places(idToBytes(chunk));
			if (place !== undefined) packs.add(place.pack);
		}
	}
	const listed = await repository.backend.list("packs");
	const names = listed.map(({ name }) => name);
	return { names: names.filter((name) => packs.has(name)), copies };
}

/** Of a copy the kind of its original. */
function copiedKindOf(kind: FileKind): CopiedKind | undefined {
	return kind.startsWith("copies/")
		? (kind.slice("copies/".length) as CopiedKind)
		: undefined;
}

type Mending = Omit<RepairPacksOptions, "packs"> & Suspects;

async function mend(
	repository: Repository,
	stage: Stage | undefined,
	{ names, copies, wait, signal }: Mending,
): Promise<PacksRepaired> {
	const back = await putBackLost(repository, stage);
	const listing = await listToRead(repository);
	const packs = named(listing, names);
	const segments = await repository.openSegments(listing, signal);
	try {
		const { condemned } = listing;
		const { mended, lost, ...written } = await mendPacks(repository, {
			...{ packs, segments, condemned, stage, wait, signal },
		});
		await catchUp(repository, stage);
		const absent =
			written.waitingFor.length > 0
				? noneAbsent
				: await dropAbsent(repository, stage, signal);
		if (stage !== undefined)
			await renewCopies(repository, stage, { damaged: copies, signal });
		const losses = await lossesOf(repository, [...lost, ...absent.lost]);
		return {
			dryRun: stage === undefined,
			putBack: back,
			packs: mended,
			...written,
			missing: notAmong(absent.left, mended),
			losses,
		};
	} finally {
		segments.close();
	}
}

function named(listing: Listing, names: readonly string[]): ListedFile[] {
	const listed = new Map(listing.packs.map((file) => [file.name, file]));
	return [...new Set(names)].map((name) => {
		const file = listed.get(name);
		if (file !== undefined) return file;
		throw new NotFoundError(
			"NO_SUCH_PACK",
			`there is no pack ${name} in the repository`,
			{ pack: name },
		);
	});
}

/** The pack whose id begins so. NotFoundError "NO_SUCH_PACK", InputError "AMBIGUOUS". */
export async function selectPack(
	{ backend }: Repository,
	beginning: string,
): Promise<PackId> {
	const listed = await backend.list("packs");
	const found = listed.filter(({ name }) => name.startsWith(beginning));
	if (found.length > 1)
		throw new InputError(
			"AMBIGUOUS",
			`${found.length} packs begin with ${beginning}`,
			{ pack: beginning },
		);
	if (found[0] !== undefined) return found[0].name as PackId;
	throw new NotFoundError(
		"NO_SUCH_PACK",
		`no pack in the repository begins with ${beginning}`,
		{ pack: beginning },
	);
}
