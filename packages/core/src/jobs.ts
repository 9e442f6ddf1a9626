import type { JobFactory } from "./job.ts";

/** Jobs are loaded when they are needed: a snapshot does not pay for restore. */
export async function jobFactory(name: string): Promise<JobFactory> {
	switch (name) {
		case "snapshot":
			return (await import("./snapshot/snapshot-job.ts")).createSnapshotJob;
		case "scout":
			return (await import("./snapshot/scout-job.ts")).createScoutJob;
		case "restore":
			return (await import("./restore/restore-job.ts")).createRestoreJob;
		case "verify":
			return (await import("./verify/verify-job.ts")).createVerifyJob;
		case "repack":
			return (await import("./gc/repack-job.ts")).createRepackJob;
		case "gather":
			return (await import("./gc/cold/gather-job.ts")).createGatherJob;
		default:
			throw new Error(`no such job: ${name}`);
	}
}
