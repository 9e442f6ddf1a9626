import type { LeaseId } from "@varve/format";
import type { FoundLease } from "../lease-table.ts";
import { leftAfter } from "../stages.ts";

/** Something about a repository that a user should know. */
export interface Remark {
	readonly code: RemarkCode;
	readonly message: string;
	/** False for what is as it should be, or passes by itself. */
	readonly needsAttention: boolean;
	/** What can be done about it here without any risk. */
	readonly remedy: Remedy | undefined;
}

export type RemarkCode =
	| "DEAD_LEASE"
	| "UNREADABLE_LEASE"
	| "STAGE_WITHOUT_LEASE"
	| "FENCED_STAGES"
	| "NO_RESERVE"
	| "PENDING_GC"
	| "DAMAGED_GC_LIST"
	| "PACKS_IN_NO_SEGMENT"
	| "PACKS_MISSING"
	| "COPIES_MISSING"
	| "ORIGINALS_LOST"
	| "NO_CACHE";

export type Remedy =
	| { readonly kind: "remove-leases"; readonly leases: readonly FoundLease[] }
	| { readonly kind: "fence-stages"; readonly stages: readonly LeaseId[] }
	| { readonly kind: "clear-fenced" }
	| { readonly kind: "put-reserve" }
	/** A damaged one: a list is only a permission to delete. */
	| { readonly kind: "put-away-list"; readonly name: string }
	| { readonly kind: "make-copies" };

/** What was found in a repository, before anything is judged. */
export interface Findings {
	readonly leases: readonly FoundLease[];
	/** Stages that have no lease, with the time, ms, they have been seen for. */
	readonly stages: ReadonlyMap<LeaseId, number>;
	/** What is left of stages that were renamed away. */
	readonly fenced: readonly string[];
	/** Bytes, or undefined if there is none. */
	readonly reserve: number | undefined;
	readonly generations: readonly Generation[];
	readonly packsInNoSegment: number;
	readonly packsMissing: number;
	/** Files that should have a second copy and have none. */
	readonly copiesMissing: number;
	/** Files that are not there, while their copies are. */
	readonly originalsLost: readonly string[];
	readonly hasCache: boolean;
}

export interface Generation {
	readonly name: string;
	/** undefined if it cannot be read. */
	readonly list:
		| {
				readonly time: string;
				readonly packs: number;
				readonly snapshots: number;
		  }
		| undefined;
}

/** What there is to say about it, what needs attention first. Pure. */
export function judgeFindings(findings: Findings): Remark[] {
	const remarks = [
		...leaseRemarks(findings),
		...stageRemarks(findings),
		...gcRemarks(findings),
		...packRemarks(findings),
		...copyRemarks(findings),
	];
	if (findings.reserve === undefined)
		remarks.push({
			code: "NO_RESERVE",
			message:
				"the reserve is missing, room that a gc on a full disk gives up first",
			needsAttention: true,
			remedy: { kind: "put-reserve" },
		});
	if (!findings.hasCache)
		remarks.push(
			note(
				"NO_CACHE",
				"nothing is kept on this machine: commands are slower, and how long others have been silent is not remembered",
			),
		);
	return remarks.sort(
		(a, b) => Number(b.needsAttention) - Number(a.needsAttention),
	);
}

function note(code: RemarkCode, message: string): Remark {
	return { code, message, needsAttention: false, remedy: undefined };
}

function leaseRemarks({ leases }: Findings): Remark[] {
	const remarks: Remark[] = [];
	const dead = leases.filter(({ verdict }) => verdict === "dead");
	const unreadable = leases.filter(
		({ verdict, reason }) => verdict === "live" && reason === "unreadable",
	);
	if (dead.length > 0)
		remarks.push({
			code: "DEAD_LEASE",
			message: `${counted(dead.length, "lease")} of the dead, with what lies in their stages; the next snapshot takes them away too`,
			needsAttention: true,
			remedy: { kind: "remove-leases", leases: dead },
		});
	if (unreadable.length > 0)
		remarks.push({
			code: "UNREADABLE_LEASE",
			message: `${counted(unreadable.length, "lease")} cannot be read: dead once this machine has seen no sign of life for 30 minutes`,
			needsAttention: true,
			remedy: undefined,
		});
	return remarks;
}

function stageRemarks({ stages, fenced }: Findings): Remark[] {
	const remarks: Remark[] = [];
	const old = [...stages.keys()].filter(
		(stage) => (stages.get(stage) ?? 0) >= leftAfter,
	);
	if (old.length > 0)
		remarks.push({
			code: "STAGE_WITHOUT_LEASE",
			message: `${counted(old.length, "stage")} without a lease, seen for more than an hour`,
			needsAttention: true,
			remedy: { kind: "fence-stages", stages: old },
		});
	const young = stages.size - old.length;
	if (young > 0)
		remarks.push(
			note(
				"STAGE_WITHOUT_LEASE",
				`${counted(young, "stage")} without a lease: left by the dead if still there in an hour`,
			),
		);
	if (fenced.length > 0)
		remarks.push({
			code: "FENCED_STAGES",
			message: `${counted(fenced.length, "stage")} renamed away and not deleted`,
			needsAttention: true,
			remedy: { kind: "clear-fenced" },
		});
	return remarks;
}

function gcRemarks({ generations, leases }: Findings): Remark[] {
	const isCollected = leases.some(
		({ verdict, record }) =>
			verdict === "live" && (record?.kind ?? "gc") === "gc",
	);
	return generations.map(({ name, list }) =>
		list === undefined
			? {
					code: "DAMAGED_GC_LIST",
					message: `the list of a pending gc, gc/${name}, is damaged: nothing can be stored until it is gone; without it nothing is condemned, and the next gc finds out anew`,
					needsAttention: true,
					remedy: isCollected ? undefined : { kind: "put-away-list", name },
				}
			: note(
					"PENDING_GC",
					`a gc of ${list.time} waits for its end: ${counted(list.packs, "pack")} and ${counted(list.snapshots, "snapshot")} are to go; the next gc finishes it when nobody who began before is at work any more`,
				),
	);
}

function packRemarks({ packsInNoSegment, packsMissing }: Findings): Remark[] {
	const remarks: Remark[] = [];
	if (packsMissing > 0)
		remarks.push({
			code: "PACKS_MISSING",
			message: `${counted(packsMissing, "pack")} that segments name are not there: varve verify says what that hurts`,
			needsAttention: true,
			remedy: undefined,
		});
	if (packsInNoSegment > 0)
		remarks.push(
			note(
				"PACKS_IN_NO_SEGMENT",
				`${counted(packsInNoSegment, "pack")} in no segment, of a run that was interrupted or is still at work: the next snapshot or gc uses them`,
			),
		);
	return remarks;
}

function copyRemarks({ copiesMissing, originalsLost }: Findings): Remark[] {
	const remarks: Remark[] = [];
	const [lost] = originalsLost;
	if (lost !== undefined)
		remarks.push({
			code: "ORIGINALS_LOST",
			message: `${counted(originalsLost.length, "file")} of which only the copy is there, ${lost} for one: varve repair puts them back`,
			needsAttention: true,
			remedy: undefined,
		});
	if (copiesMissing > 0)
		remarks.push({
			code: "COPIES_MISSING",
			message: `${counted(copiesMissing, "file")} without a second copy; the next gc makes them too`,
			needsAttention: false,
			remedy: { kind: "make-copies" },
		});
	return remarks;
}

function counted(count: number, what: string): string {
	return `${count} ${what}${count === 1 ? "" : "s"}`;
}
