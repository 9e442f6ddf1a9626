import type { Job } from "../job.ts";
import { codeOf } from "../system.ts";
import { type DirectoryListing, readListing } from "./directory-listing.ts";
import { directoryReader } from "./native-reader.ts";

/** Directories to be listed ahead of the walk. */
export interface ScoutTask {
	readonly paths: readonly string[];
	/** See ListingRequest. */
	readonly racyFrom: bigint;
}

/** A listing on its way between threads: names as one text, which is cheaper to pass than many. */
export type ScoutedDirectory =
	| { readonly path: string; readonly listing: PackedListing }
	| { readonly path: string; readonly reason: string };

export interface PackedListing extends Omit<DirectoryListing, "names"> {
	/** Joined by zero bytes. */
	readonly names: string;
}

export interface ScoutReply {
	readonly directories: readonly ScoutedDirectory[];
}

/** Lists directories; knows nothing of the repository. */
export async function createScoutJob(): Promise<Job> {
	const reader = directoryReader();
	return {
		run(task) {
			const { paths, racyFrom } = task as ScoutTask;
			const transfer: ArrayBuffer[] = [];
			const directories = paths.map((path): ScoutedDirectory => {
				try {
					const listing = readListing(reader, {
						path,
						only: undefined,
						racyFrom,
						follow: false,
					});
					transfer.push(listing.stats.bytes.buffer);
					return {
						path,
						listing: { ...listing, names: listing.names.join("\0") },
					};
				} catch (error) {
					const reason = codeOf(error);
					if (reason === undefined) throw error;
					return { path, reason };
				}
			});
			return { reply: { directories } satisfies ScoutReply, transfer };
		},
		close() {},
	};
}
