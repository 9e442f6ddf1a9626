import type { VarveError } from "@varve/format";
import { catchUpToRead } from "../copies/catch-up.ts";
import { lostByLabels } from "../copies/lost-by-label.ts";
import type { FramePlace } from "../frame-cache.ts";
import { either } from "../lease.ts";
import { dyingIn } from "../listing.ts";
import { createObjectReader } from "../objects.ts";
import { listToRead } from "../prepare-to-read.ts";
import { Progress } from "../progress.ts";
import { withReaderLease } from "../reader-lease.ts";
import type { Repository } from "../repository.ts";
import { toldAs } from "../told-as.ts";
import { CopyCheck } from "./copy-check.ts";
import { Faults } from "./faults.ts";
import type { Fault } from "./finding.ts";
import { findingsOf } from "./findings.ts";
import type { VerifyOptions, VerifyReport } from "./options.ts";
import { runPasses, type Sums, type Verification } from "./passes.ts";
import { Proofs } from "./proofs.ts";
import { readersFor } from "./readers.ts";
import { checkMarks, checkRecords } from "./small-files.ts";
import { uncheckedBy } from "./unchecked.ts";

/** Proves that what is stored can be restored. Damage is in the report, never thrown; throws the reason of `signal`. */
export async function verify(
	repository: Repository,
	options: VerifyOptions,
): Promise<VerifyReport> {
	const { level } = options;
	const snapshots = (options.snapshots ?? []).map(({ id }) => id);
	const lease = { snapshots, command: `verify (${level})` };
	return await toldAs(repository, { verb: "verify", subject: level }, () =>
		withReaderLease(repository, lease, (lost) =>
			run(repository, { ...options, signal: either(lost, options.signal) }),
		),
	);
}

/** What was read and proved before proves nothing about what is stored now. */
function withFreshObjects(
	repository: Repository,
	onCopyRead: (frame: FramePlace, damage: VarveError) => void,
): Repository {
	const { backend, index, tools } = repository;
	return {
		...repository,
		objects: createObjectReader({ backend, index, tools, onCopyRead }),
	};
}

async function run(
	repository: Repository,
	options: VerifyOptions,
): Promise<VerifyReport> {
	const began = repository.clock.now();
	const started = repository.timer.uptime();
	options.signal?.throwIfAborted();
	const listing = await listToRead(repository);
	// Threads take some time to start, which is used to find out what there is to do.
	const crew = await readersFor(repository, options, listing);
	try {
		await catchUpToRead(repository, listing);
		const account = await check(repository, options, {
			...{ listing, crew, started },
		});
		return { ...account, duration: repository.clock.now() - began };
	} finally {
		await crew?.close();
	}
}

async function check(
	given: Repository,
	options: VerifyOptions,
	{
		listing,
		crew,
		started,
	}: Pick<Verification, "listing" | "crew" | "started">,
): Promise<Omit<VerifyReport, "duration">> {
	const faults = new Faults();
	const fromCopies: Fault[] = [];
	const repository = withFreshObjects(given, (frame, damage) =>
		fromCopies.push(damagedFrame(frame, damage)),
	);
	await checkMarks(repository, faults);
	const names =
		options.snapshots?.map(({ id }) => id as string) ??
		listing.snapshots.map(({ name }) => name);
	// Who did not know of the gc list when it was written is waited for; what is deleted now no snapshot that stays needs.
	const dying = await dyingIn(listing, repository.backend);
	const staying = names.filter((name) => !dying.has(name));
	const records = await checkRecords(repository, staying, faults);
	const progress = new Progress(repository.observer, "verify");
	const { condemned } = listing;
	const copies =
		options.snapshots === undefined
			? await CopyCheck.open({ repository, faults, condemned })
			: undefined;
	const proofs =
		options.level === "data"
			? await Proofs.open(repository, listing.packs)
			: undefined;
	const verification = {
		...{ repository, options, listing, crew, started },
		...{ records, faults, progress, copies, proofs },
	};
	const sums = await runPasses(verification);
	await copies?.checkFiles(staying);
	if (options.snapshots === undefined) await findLost(repository, faults);
	// What was found by reading packs says more.
	const told = faults.packs;
	for (const fault of fromCopies)
		if (!told.has(fault.pack as string)) faults.add(fault);
	faults.forgive(await sweptSince(repository, { listing, faults }));
	const findings = await findingsOf(faults.all(), repository, records);
	return { ...accountOf(verification, sums), findings };
}

/** Records that are gone with their copies, as far as anything tells. */
async function findLost(repository: Repository, faults: Faults): Promise<void> {
	for (const { id, labels } of await lostByLabels(repository))
		faults.add({
			code: "MISSING_SNAPSHOT",
			message: `snapshots/${id} is not there, nor a copy of it, though labels/${labels[0]} speaks of it and nothing says that it was forgotten: varve recover brings its directories back`,
			file: { kind: "snapshots", name: id },
			chunks: [],
			snapshots: [id],
		});
}

/** Condemned packs with faults that are gone by now: a sweep may go on meanwhile. */
async function sweptSince(
	{ backend }: Repository,
	{ listing, faults }: Pick<Verification, "listing" | "faults">,
): Promise<ReadonlySet<string>> {
	const swept = new Set<string>();
	for (const pack of faults.packs)
		if (
			listing.condemned.has(pack) &&
			(await backend.size("packs", pack)) === undefined
		)
			swept.add(pack);
	return swept;
}

function damagedFrame({ pack }: FramePlace, { message }: VarveError): Fault {
	const file = { kind: "packs" as const, name: pack };
	return {
		...{ code: "BAD_FRAME", pack, file, chunks: [] },
		message: `packs/${pack} is damaged: ${message}`,
	};
}

function accountOf(
	{ options, listing, records, faults, copies, proofs }: Verification,
	{ graph, pass, queue, simulation }: Sums,
): Omit<VerifyReport, "findings" | "duration"> {
	const packs = { listed: listing.packs.length, read: queue?.packs ?? 0 };
	return {
		level: options.level,
		notes: notesOf(pass, faults, copies?.missing ?? 0),
		notChecked: uncheckedBy({
			level: options.level,
			isPartial: options.snapshots !== undefined,
			packsListed: packs.listed,
			packsRead: packs.read,
		}),
		snapshots: records.size,
		packs,
		directories: graph?.directories ?? 0,
		files: graph?.files ?? 0,
		proofs: proofs?.account(listing.packs),
		frames: queue?.frames ?? simulation?.frames ?? 0,
		chunks: queue?.chunks ?? simulation?.chunks ?? 0,
		bytesRead: queue?.stored ?? 0,
		bytesProved: queue?.raw ?? simulation?.bytes ?? 0,
	};
}

function notesOf(
	{ adopted, condemned }: Sums["pass"],
	{ isCut }: Faults,
	copiesMissing: number,
): string[] {
	return [
		...(adopted > 0
			? [
					`${adopted} packs are in no segment: a run was interrupted; the next snapshot uses what they hold`,
				]
			: []),
		...(condemned > 0
			? [`${condemned} packs are condemned: the next gc deletes them`]
			: []),
		...(copiesMissing > 0
			? [
					`${copiesMissing} files have no second copy yet: the next snapshot or gc makes them`,
				]
			: []),
		...(isCut
			? ["more chunks are damaged than could be traced to their files"]
			: []),
	];
}
