import {
	InputError,
	idToBytes,
	NotFoundError,
	type PackId,
} from "@varve/format";
import type { ListedFile, Listing, Stage } from "@varve/store";
import { listToRead } from "../prepare-to-read.ts";
import type { Repository } from "../repository.ts";
import { verify } from "../verify/verify.ts";
import { catchUp, dropAbsent } from "./absent-packs.ts";
import { withRepairLease } from "./exclusive.ts";
import { lossesOf } from "./losses.ts";
import { mendPacks } from "./mend-packs.ts";
import type { PacksRepaired, RepairPacksOptions } from "./options.ts";
import { toldAs } from "./told.ts";

/**
 * Moves all that is intact in damaged packs to new ones and the damaged ones to the quarantine, and says what is lost. Done again, or killed anywhere and then
 * done again, it ends the same. NotFoundError "NO_SUCH_PACK" for a pack that is not there.
 */
export async function repairPacks(
	repository: Repository,
	options: RepairPacksOptions = {},
): Promise<PacksRepaired> {
	return await toldAs(repository, "packs", async () => {
		const names = options.packs ?? (await suspects(repository, options));
		if (options.dryRun === true)
			return await mend(repository, undefined, { ...options, names });
		const { signal } = options;
		const lease = { command: "repair packs", signal };
		return await withRepairLease(repository, lease, (stage, signal) =>
			mend(repository, stage, { ...options, names, signal }),
		);
	});
}

/** Packs in which verify finds anything. */
async function suspects(
	repository: Repository,
	{ readData = false, signal }: RepairPacksOptions,
): Promise<readonly string[]> {
	const level = readData ? "data" : "structure";
	const { findings } = await verify(repository, { level, signal });
	const packs = new Set<string>();
	for (const { pack, chunk } of findings) {
		if (pack !== undefined) packs.add(pack);
		else if (chunk !== undefined) {
			// A tree that could not be read.
			const [place] = repository.index.places(idToBytes(chunk));
			if (place !== undefined) packs.add(place.pack);
		}
	}
	const listed = await repository.backend.list("packs");
	return listed.map(({ name }) => name).filter((name) => packs.has(name));
}

interface Mending extends RepairPacksOptions {
	readonly names: readonly string[];
}

async function mend(
	repository: Repository,
	stage: Stage | undefined,
	{ names, wait, signal }: Mending,
): Promise<PacksRepaired> {
	const listing = await listToRead(repository);
	const packs = named(listing, names);
	const segments = await repository.openSegments(listing, signal);
	try {
		const { condemned } = listing;
		const { mended, lost, ...written } = await mendPacks(repository, {
			...{ packs, segments, condemned, stage, wait, signal },
		});
		await catchUp(repository);
		if (stage !== undefined && written.waitingFor.length === 0)
			await dropAbsent(repository, stage, signal);
		const losses = await lossesOf(repository, lost);
		return { dryRun: stage === undefined, packs: mended, ...written, losses };
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
