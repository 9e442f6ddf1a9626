import type { FoundLease, GcResult } from "@varve/core";
import type { Message } from "./json-line.ts";
import { formatBytes, formatCounted } from "./units.ts";

/** The last message of `gc --json`. */
export function gcSummary(result: GcResult): Message {
	return {
		state: result.state,
		resumed: result.resumed,
		snapshots_removed: result.snapshots,
		packs_removed: result.packs,
		bytes_removed: result.packBytes,
		packs_repacked: result.packsRepacked,
		bytes_repacked: result.bytesRepacked,
		packs_regrouped: result.packsRegrouped,
		bytes_regrouped: result.bytesRegrouped,
		bytes_cold: result.bytesCold,
		bytes_freed: result.bytesFreed,
		bytes_kept: result.bytesKept,
		bytes_unused: result.bytesUnused,
		segments_before: result.segmentsBefore,
		segments_after: result.segmentsAfter,
		waiting_for: result.waitingFor.map(holderFields),
	};
}

/** Who holds a lease, as programs read it. */
export function holderFields({ lease, record }: FoundLease): Message {
	return {
		lease,
		kind: record?.kind,
		hostname: record?.host,
		pid: record?.pid,
		command: record?.command,
		time: record?.created,
	};
}

/** The closing lines for people. */
export function gcAccount(result: GcResult): string[] {
	const { state, bytesKept, bytesUnused } = result;
	const left = `left    ${formatBytes(bytesKept)}, of which ${formatBytes(bytesUnused)} are unused`;
	switch (state) {
		case "nothing":
			return ["nothing to free", `  ${left}`];
		case "planned":
			return [
				"would free",
				...details(result),
				...regroupedLines(
					result,
					"put together anew: how small it gets shows then",
				),
				`  ${left}`,
			];
		case "swept":
			return [
				"freed",
				...details(result),
				...regroupedLines(
					result,
					`put together anew in ${formatBytes(result.bytesCold)}`,
				),
				`  ${left}`,
			];
		case "pending":
			return pendingLines(result);
	}
}

function details(result: GcResult): string[] {
	const { packs, packBytes, packsRepacked, bytesRepacked } = result;
	return [
		`  freed   ${formatBytes(result.bytesFreed)}`,
		`  records ${formatCounted(result.snapshots.length, "snapshot")}`,
		`  packs   ${formatCounted(packs, "pack")}, ${formatBytes(packBytes)}`,
		...(packsRepacked === 0
			? []
			: [
					`  moved   ${formatBytes(bytesRepacked)} out of ${formatCounted(packsRepacked, "pack")}`,
				]),
	];
}

function regroupedLines(
	{ packsRegrouped, bytesRegrouped }: GcResult,
	what: string,
): string[] {
	if (packsRegrouped === 0) return [];
	const packs = formatCounted(packsRegrouped, "pack");
	return [`  cold    ${formatBytes(bytesRegrouped)} in ${packs} ${what}`];
}

function pendingLines(result: GcResult): string[] {
	const { packs, waitingFor, snapshots } = result;
	return [
		...regroupedLines(
			result,
			`put together anew in ${formatBytes(result.bytesCold)}`,
		).map((line) => line.trimStart()),
		`condemned ${formatCounted(packs, "pack")} and ${formatCounted(snapshots.length, "snapshot")}; the next gc deletes them, once these have ended:`,
		...waitingFor.map(({ lease, record }) =>
			record === undefined
				? `  ${lease}, which cannot be read`
				: `  ${record.command} on ${record.host}, process ${record.pid}, since ${record.created}`,
		),
	];
}
