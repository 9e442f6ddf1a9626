import {
	type Examination,
	examine,
	type Remark,
	type Treated,
	treat,
} from "@varve/core";
import type { CommandFile } from "../command-entry.ts";
import { ExitCode } from "../exit-code.ts";
import {
	holderLine,
	leaseFields,
	type Moment,
	reasonLine,
} from "../lease-account.ts";
import { withRepository } from "../open-repository.ts";
import type { Session } from "../session.ts";
import { formatBytes, formatCounted } from "../units.ts";

interface Flags {
	readonly fix?: boolean;
}

export const command: CommandFile = {
	define(command) {
		command
			.description(
				"Say who works in the repository since when, and what was left behind. It does not look at content: varve verify does.",
			)
			.option("--fix", "mend what can be mended without any risk");
	},
	examples: [
		["varve doctor", "see who holds what, and what needs attention"],
		["varve doctor --fix", "clear away what the dead have left"],
	],
	async run(session, command) {
		const { fix = false } = command.opts<Flags>();
		return await withRepository(session, { workers: 0 }, async (repository) => {
			const examination = await examine(repository);
			const { remarks } = examination;
			const treated = fix ? await treat(repository, remarks) : [];
			const visit = { examination, treated, fix };
			tellPrograms(session, visit);
			session.report.lines(accountOf(session, visit));
			return openRemarks(visit).length > 0 ? ExitCode.failed : ExitCode.done;
		});
	},
};

interface Visit {
	readonly examination: Examination;
	readonly treated: readonly Treated[];
	readonly fix: boolean;
}

const stateOf = (remark: Remark, { treated }: Visit) => {
	const one = treated.find((other) => other.remark === remark);
	if (one === undefined) return remark.needsAttention ? "attention" : "note";
	return one.failure === undefined ? "mended" : "failed";
};

/** What still needs attention. */
function openRemarks(visit: Visit): readonly Remark[] {
	return visit.examination.remarks.filter((remark) =>
		["attention", "failed"].includes(stateOf(remark, visit)),
	);
}

function tellPrograms({ report }: Session, visit: Visit): void {
	const { leases, remarks, packs, segments, cache } = visit.examination;
	for (const found of leases) report.message("lease", leaseFields(found));
	for (const remark of remarks)
		report.message("remark", {
			code: remark.code,
			message: remark.message,
			state: stateOf(remark, visit),
			mendable: remark.remedy !== undefined,
		});
	report.message("summary", {
		attention: openRemarks(visit).length,
		mended: visit.treated.filter(({ failure }) => failure === undefined).length,
		leases: leases.length,
		packs,
		segments,
		cache_folder: cache.folder,
		cache_bytes: cacheBytes(visit),
	});
}

function cacheBytes({ examination: { cache } }: Visit): number {
	return cache.parts.reduce((sum, { bytes }) => sum + bytes, 0);
}

function accountOf(
	{ surroundings: { now, offsetAt } }: Session,
	visit: Visit,
): string[] {
	const { leases, remarks, packs, segments, cache } = visit.examination;
	const moment: Moment = { now: now(), offsetAt };
	const kept =
		cache.folder === undefined
			? "nothing is kept on this machine"
			: `${formatBytes(cacheBytes(visit))} kept on this machine, in ${cache.folder}`;
	return [
		`${formatCounted(packs, "pack")} in ${formatCounted(segments, "segment")}; ${kept}`,
		...(leases.length === 0 ? ["nobody holds a lease"] : []),
		...leases.flatMap((found) => [
			holderLine(found, moment),
			reasonLine(found),
		]),
		...remarks.flatMap((remark) => remarkLines(remark, visit)),
		closing(visit),
	];
}

function remarkLines(remark: Remark, visit: Visit): string[] {
	const state = stateOf(remark, visit);
	const failure = visit.treated.find((one) => one.remark === remark)?.failure;
	const word = state === "failed" ? "attention" : state;
	return [
		`${word}: ${remark.message}`,
		...(failure === undefined
			? []
			: [`  could not be mended: ${failure.message}`]),
		...(state === "attention" && remark.remedy !== undefined
			? ["  --fix mends it"]
			: []),
	];
}

function closing(visit: Visit): string {
	const open = openRemarks(visit);
	if (open.length === 0) return "all is well";
	return open.length === 1
		? "1 thing needs attention"
		: `${open.length} things need attention`;
}
