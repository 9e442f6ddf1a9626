import type { Relabelled } from "@varve/core";
import type { Report } from "./report.ts";
import { shortId } from "./short-id.ts";
import { formatCounted } from "./units.ts";

/** Tells what the labels of snapshots are now. */
export function reportLabels(
	report: Report,
	relabelled: readonly Relabelled[],
): void {
	for (const { id, labels, changes } of relabelled)
		report.message("labels", {
			snapshot_id: id,
			tags: labels.tags,
			pinned: labels.pin,
			note: labels.note === "" ? undefined : labels.note,
			expires: labels.expires,
			changes,
		});
	const changed = relabelled.filter(({ changes }) => changes > 0).length;
	report.message("summary", {
		snapshots_count: relabelled.length,
		snapshots_changed: changed,
	});
	report.account([
		...relabelled.map(({ id, labels, changes }) =>
			[
				shortId(id),
				changes > 0 ? "" : "(as before)",
				labels.pin ? "[pinned]" : "",
				...labels.tags,
				labels.note === "" ? "" : `note: ${labels.note}`,
			]
				.filter((part) => part !== "")
				.join(" "),
		),
		`${formatCounted(changed, "snapshot")} changed`,
	]);
}
