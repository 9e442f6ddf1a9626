import type { GcOptions, Repository } from "@varve/core";
import type { MemoryDisk } from "../memory-disk.ts";
import type { World } from "./world.ts";

/** Something that is done to a repository. */
export interface Act {
	readonly name: string;
	/** The disk before it, nobody else's. */
	readonly begin: (world: World) => Promise<MemoryDisk> | MemoryDisk;
	/** May tell what is wrong with what it gave though it ended well. */
	readonly work: (
		repository: Repository,
		world: World,
	) => Promise<readonly string[] | undefined>;
	/** Changes nothing but leases. */
	readonly reads?: boolean;
	/** There is damage before it. */
	readonly mends?: boolean;
	/** Done once more by this when all is done, it leaves nothing to do. */
	readonly settles?: GcOptions;
	/** It goes on with a folder for what the client keeps. */
	readonly isCached?: boolean;
}
