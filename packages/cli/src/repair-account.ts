import {
	type FoundLease,
	type IndexRepaired,
	type Losses,
	type MendedPack,
	type MendedSnapshot,
	type PacksRepaired,
	pathFields,
	type Recovered,
	type SnapshotsRepaired,
} from "@varve/core";
import { holderFields } from "./gc-account.ts";
import type { Message } from "./json-line.ts";
import type { Report } from "./report.ts";
import type { Screen } from "./screen.ts";
import { shortId } from "./short-id.ts";
import { formatBytes, formatCounted } from "./units.ts";

/** A pack that was looked at, as programs read it. */
export function mendedPackFields(mended: MendedPack): Message {
	const { pack, state, chunks, bytes, elsewhere, lost, isComplete } = mended;
	return {
		...{ pack, state, bytes },
		chunks_saved: chunks,
		chunks_elsewhere: elsewhere,
		chunks_lost: lost,
		complete: isComplete,
	};
}

/** A snapshot with a hole, as programs read it. */
export function mendedSnapshotFields(mended: MendedSnapshot): Message {
	const { id, time, replacement, isNew, isForgotten, lost } = mended;
	return {
		snapshot_id: id,
		time,
		replacement,
		new: isNew,
		forgotten: isForgotten,
		lost: lost.map(({ path, what }) => ({ ...pathFields(path), what })),
	};
}

const mostPaths = 20;

/** Which files of which snapshots are lost. */
export function tellLosses(
	report: Report,
	screen: Screen,
	{ hurt, moreHurt }: Losses,
): void {
	for (const { path, what, snapshots } of hurt)
		report.message("lost", { ...pathFields(path), what, snapshots });
	if (report.json) return;
	for (const { path, what, snapshots } of hurt.slice(0, mostPaths))
		screen.printError(
			`lost: ${what} ${path} in ${snapshots.map(shortId).join(", ")}`,
		);
	const more = Math.max(0, hurt.length - mostPaths) + moreHurt;
	if (more > 0) screen.printError(`and ${formatCounted(more, "more path")}`);
}

function lossFields({ chunks, hurt, moreHurt, snapshots }: Losses): Message {
	return {
		chunks_lost: chunks.length,
		paths_lost: hurt.length + moreHurt,
		snapshots_hurt: snapshots,
	};
}

function missingFields({ missing }: Pick<PacksRepaired, "missing">): Message {
	return { packs_missing: missing.length, missing };
}

/** The last message of `repair packs --json`. */
export function packsSummary(result: PacksRepaired): Message {
	return {
		what: "packs",
		dry_run: result.dryRun,
		put_back: result.putBack,
		packs_count: result.packs.length,
		packs_written: result.packsWritten,
		bytes_written: result.bytesWritten,
		...missingFields(result),
		...lossFields(result.losses),
		waiting_for: result.waitingFor.map(holderFields),
	};
}

export function packsAccount(result: PacksRepaired): string[] {
	const { packs, packsWritten, bytesWritten, missing } = result;
	const back = putBackLines(result);
	if (packs.length === 0 && missing.length === 0)
		return [...back, "no damaged pack found"];
	return [
		...back,
		...packs.flatMap(packLines),
		...missingLines(missing),
		...(packsWritten > 0
			? [
					`written   ${formatCounted(packsWritten, "pack")}, ${formatBytes(bytesWritten)}`,
				]
			: []),
		...waitingLines(result.waitingFor),
		...lossLines(result.losses),
	];
}

/** Files that were put back from their copies, or would be. */
function putBackLines({
	putBack,
	dryRun,
}: Pick<PacksRepaired, "putBack" | "dryRun">): string[] {
	const word = dryRun ? "would be" : "is";
	return putBack.map(
		({ kind, name }) =>
			`${kind === name ? name : `${kind}/${shortId(name)}`} ${word} put back from its copy`,
	);
}

const stateWords: Readonly<Record<MendedPack["state"], string>> = {
	sound: "is just as it was written; nothing is done with it",
	mended: "is in the quarantine",
	restored: "is put back from its copy",
	waiting: "is moved to the quarantine by the next run",
	planned: "would go to the quarantine",
};

function packLines(mended: MendedPack): string[] {
	const { pack, state, chunks, bytes, elsewhere, lost, isComplete } = mended;
	const line = `pack ${shortId(pack)} ${stateWords[state]}`;
	if (state === "sound" || state === "restored") return [line];
	return [
		line,
		`  saved ${formatCounted(chunks, "chunk")} (${formatBytes(bytes)}), lost ${formatCounted(lost, "chunk")}; in other packs too: ${formatCounted(elsewhere, "chunk")}`,
		...(isComplete
			? []
			: ["  nothing tells of all that it held: there may have been more"]),
	];
}

function missingLines(missing: readonly string[]): string[] {
	return missing.map((pack) => `pack ${pack} is missing`);
}

function waitingLines(waitingFor: readonly FoundLease[]): string[] {
	if (waitingFor.length === 0) return [];
	return [
		"damaged packs stay until these have ended; run it again then:",
		...waitingFor.map(({ lease, record }) =>
			record === undefined
				? `  ${lease}, which cannot be read`
				: `  ${record.command} on ${record.host}, process ${record.pid}, since ${record.created}`,
		),
	];
}

function lossLines({ chunks, hurt, moreHurt, snapshots }: Losses): string[] {
	if (chunks.length === 0) return ["nothing is lost"];
	const paths = hurt.length + moreHurt;
	if (paths === 0) return ["nothing that a snapshot needs is lost"];
	return [
		`lost ${formatCounted(chunks.length, "chunk")}: ${formatCounted(paths, "path")} of ${snapshots.map(shortId).join(", ")}`,
		"next: varve snapshot, which stores again what the sources still have; then varve repair snapshots",
	];
}

/** The last message of `repair index --json`. */
export function indexSummary(result: IndexRepaired): Message {
	return {
		what: "index",
		dry_run: result.dryRun,
		put_back: result.putBack,
		packs_named: result.packsNamed,
		packs_unnamed: result.packsUnnamed,
		...missingFields(result),
		segments_replaced: result.segmentsReplaced,
		gc_lists: result.gcLists,
		packs_count: result.mended.length,
		...lossFields(result.losses),
		waiting_for: result.waitingFor.map(holderFields),
	};
}

export function indexAccount(result: IndexRepaired): string[] {
	const { packsNamed, packsUnnamed, segmentsReplaced } = result;
	const { gcLists, mended, missing, waitingFor, losses } = result;
	const lines = [
		...putBackLines(result),
		...tell(segmentsReplaced, "segment", "damaged or wrong, replaced"),
		...tell(packsNamed, "pack", "in no segment, named now"),
		...tell(packsUnnamed, "pack", "not there and not needed, named no more"),
		...tell(gcLists, "gc list", "damaged, taken away"),
		...mended.flatMap(packLines),
		...waitingLines(waitingFor),
		...missingLines(missing),
		...(losses.chunks.length > 0 ? lossLines(losses) : []),
	];
	const end = result.dryRun
		? "nothing was changed"
		: "this machine's index is made anew from the segments";
	return [...(lines.length > 0 ? lines : ["nothing to mend"]), end];
}

function tell(count: number, noun: string, what: string): string[] {
	return count === 0 ? [] : [`${formatCounted(count, noun)}: ${what}`];
}

/** The last message of `repair snapshots --json`. */
export function snapshotsSummary(result: SnapshotsRepaired): Message {
	return {
		what: "snapshots",
		dry_run: result.dryRun,
		put_back: result.putBack,
		snapshots_count: result.examined,
		snapshots_damaged: result.snapshots.length,
		snapshots_new: result.snapshots.filter(({ isNew }) => isNew).length,
		records_unreadable: result.unreadable,
		marks_removed: result.marks,
		policies_mended: result.policies.mended,
		policies_damaged: result.policies.lost.map(({ name, file }) => ({
			name,
			file: `policies/${file}`,
		})),
	};
}

export function snapshotsAccount(result: SnapshotsRepaired): string[] {
	const { snapshots, examined, unreadable } = result;
	return [
		...putBackLines(result),
		...tell(
			result.marks,
			"label or mark",
			"damaged, taken away; snapshots of such labels are pinned",
		),
		...policyLines(result),
		...snapshots.flatMap((mended) => snapshotLines(mended, result.dryRun)),
		...(unreadable > 0
			? [
					`${formatCounted(unreadable, "record")} cannot be read: varve recover looks for what they were of`,
				]
			: []),
		snapshots.length === 0
			? `all of ${formatCounted(examined, "snapshot")} are whole`
			: `${formatCounted(snapshots.length, "snapshot")} of ${examined} damaged`,
	];
}

function policyLines({
	policies: { mended, lost },
	dryRun,
}: SnapshotsRepaired): string[] {
	const word = dryRun ? "would be" : "is";
	return [
		...mended.map(
			(file) => `policies/${file} ${word} set right: a bit had flipped`,
		),
		...lost.flatMap(({ name, file, text }) => [
			`the policy ${name} cannot be read, in policies/${file}: varve policy set ${name} … says its rules anew, varve policy remove ${name} gives it up`,
			...(text === "" ? [] : [`  what is left of it: ${text}`]),
		]),
	];
}

function snapshotLines(mended: MendedSnapshot, dryRun: boolean): string[] {
	const { id, replacement, isNew, isForgotten, lost } = mended;
	const made =
		replacement === undefined
			? "would be replaced"
			: `${isNew ? "is replaced by" : "was replaced before by"} ${shortId(replacement)}`;
	const end = isForgotten ? ", and is forgotten" : dryRun ? "" : ", and stays";
	const shown = lost.slice(0, mostPaths);
	return [
		`snapshot ${shortId(id)} ${made}${end}`,
		...shown.map(({ path, what }) => `  without ${what} ${path}`),
		...(lost.length > shown.length
			? [`  and ${formatCounted(lost.length - shown.length, "more path")}`]
			: []),
		...(lost.length === 0
			? ["  with all its files; hard links or the scan state are lost"]
			: []),
	];
}

/** The last message of `recover --json`. */
export function recoverSummary(result: Recovered): Message {
	return {
		dry_run: result.dryRun,
		put_back: result.putBack,
		snapshot_id: result.id,
		trees_count: result.trees.length,
		records_mended: result.recordsMended,
		records_lost: result.recordsLost,
	};
}

export function recoverAccount(result: Recovered): string[] {
	const { id, trees, recordsMended, recordsLost, dryRun } = result;
	const word = dryRun ? "would be" : "is";
	return [
		...putBackLines(result),
		...recordsMended.map(
			(one) => `record ${shortId(one)} ${word} set right: a bit had flipped`,
		),
		...recordsLost.map(
			(one) => `record ${shortId(one)} is gone, or cannot be set right`,
		),
		...trees.map(
			({ path, files, bytes, lost }) =>
				`${path}: ${formatCounted(files, "file")}, ${formatBytes(bytes)}${lost > 0 ? `, without ${formatCounted(lost, "entry", "entries")}` : ""}`,
		),
		trees.length === 0
			? "every directory there is belongs to a snapshot"
			: id === undefined
				? `${formatCounted(trees.length, "directory", "directories")} would become a snapshot`
				: `snapshot ${shortId(id)} holds them; look with varve ls, then forget it or restore from it`,
	];
}
