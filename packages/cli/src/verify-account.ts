import { type Finding, pathFields, type VerifyReport } from "@varve/core";
import type { Message } from "./json-line.ts";
import { shortId } from "./short-id.ts";
import { formatTime, type OffsetAt } from "./times.ts";
import {
	formatBytes,
	formatCount,
	formatCounted,
	formatDuration,
} from "./units.ts";

/** A finding as programs read it. */
export function findingFields(finding: Finding): Message {
	const { code, message, file, pack, chunk, hurt, moreHurt } = finding;
	return {
		error: { message },
		during: "verify",
		code,
		file,
		pack,
		chunk,
		hurt: hurt.map(({ path, what, snapshots }) => ({
			...pathFields(path),
			what,
			snapshots,
		})),
		more_hurt: moreHurt,
		has_copy: finding.hasCopy === true,
		snapshots: finding.snapshots,
	};
}

/** The last message of `verify --json`. */
export function verifySummary(report: VerifyReport): Message {
	return {
		level: report.level,
		num_errors: report.findings.length,
		snapshots_hurt: snapshotsHurt(report).length,
		snapshots_count: report.snapshots,
		packs_listed: report.packs.listed,
		packs_read: report.packs.read,
		dirs_checked: report.directories,
		files_checked: report.files,
		frames_checked: report.frames,
		chunks_checked: report.chunks,
		bytes_read: report.bytesRead,
		bytes_proved: report.bytesProved,
		packs_unproved: report.proofs?.unproved,
		bytes_unproved: report.proofs?.unprovedBytes,
		oldest_proof: oldestProof(report),
		notes: report.notes,
		not_checked: report.notChecked,
		seconds_elapsed: report.duration / 1000,
	};
}

const mostPaths = 20;

/** What is damaged and what that hurts. */
export function findingLines(finding: Finding): string[] {
	const { message, hurt, moreHurt, snapshots } = finding;
	const shown = hurt.slice(0, mostPaths);
	const more = hurt.length - shown.length + moreHurt;
	const isHarmless = hurt.length === 0 && snapshots.length === 0;
	return [
		`damaged: ${message}`,
		...shown.map(
			({ path, what, snapshots }) =>
				`  ${what} ${path} in ${snapshots.map(shortId).join(", ")}`,
		),
		...(more > 0 ? [`  and ${formatCounted(more, "more path")}`] : []),
		...(hurt.length === 0 && snapshots.length > 0
			? [`  snapshots ${snapshots.map(shortId).join(", ")}`]
			: []),
		...(isHarmless && finding.hasCopy !== true
			? ["  nothing that a snapshot needs"]
			: []),
	];
}

/** The closing lines for people. */
export function verifyAccount(
	report: VerifyReport,
	offsetAt: OffsetAt = () => 0,
): string[] {
	const { findings, packs, duration } = report;
	const hurt = snapshotsHurt(report);
	const result =
		findings.length === 0
			? "no damage found"
			: `${formatCounted(findings.length, "finding")}; ${hurt.length === 0 ? "no snapshot is hurt" : `snapshots hurt: ${hurt.map(shortId).join(", ")}`}`;
	return [
		`${result} in ${formatDuration(duration)}`,
		`  ${formatCounted(report.snapshots, "snapshot")}, ${formatCounted(packs.listed, "pack")}${readWords(report)}`,
		...proofLines(report, offsetAt),
		...report.notes.map((note) => `  ${note}`),
		...report.notChecked.map((what) => `  not checked: ${what}`),
	];
}

function oldestProof({ proofs }: VerifyReport): string | undefined {
	const oldest = proofs?.oldest;
	return oldest === undefined ? undefined : new Date(oldest).toISOString();
}

/** What runs one after the other have come to so far, as this client remembers it. */
function proofLines(
	{ proofs, packs }: VerifyReport,
	offsetAt: OffsetAt,
): string[] {
	if (proofs === undefined || packs.read === packs.listed) return [];
	const { unproved, unprovedBytes, oldest } = proofs;
	return [
		unproved === 0
			? "  every pack has been read whole before"
			: `  ${formatCounted(unproved, "pack")} (${formatBytes(unprovedBytes)}) not read whole yet, as far as this machine remembers`,
		...(oldest === undefined
			? []
			: [`  the oldest proof is of ${formatTime(oldest, offsetAt)}`]),
	];
}

function readWords(report: VerifyReport): string {
	const { level, packs, files, directories, chunks } = report;
	const followed = `; references followed to ${formatCounted(directories, "directory", "directories")} and ${formatCounted(files, "file")}`;
	const read = `; ${formatCount(packs.read)} read whole (${formatBytes(report.bytesRead)})`;
	if (level === "structure") return followed;
	if (level === "restore-sim")
		return `${followed}; ${formatCounted(chunks, "chunk")} decoded and proved as a restore would (${formatBytes(report.bytesProved)})`;
	if (level === "scrub") return `${read}, checksums only`;
	return `${followed}${read}, ${formatCounted(chunks, "chunk")} proved (${formatBytes(report.bytesProved)})`;
}

function snapshotsHurt({ findings }: VerifyReport): string[] {
	return [...new Set(findings.flatMap(({ snapshots }) => snapshots))];
}
