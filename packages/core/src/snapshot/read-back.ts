import {
	CorruptError,
	isVarveError,
	type SegmentPack,
	toHex,
} from "@varve/format";
import type { Stage } from "@varve/store";
import { FrameCache } from "../frame-cache.ts";
import { wrongChunks } from "../prove-chunks.ts";
import type { Repository } from "../repository.ts";

/** The code of the error for a pack that comes back different. */
export const cameBackDifferent = "CAME_BACK_DIFFERENT";

/**
 * Reads a pack just made durable from where it is stored now, and proves every chunk in it. One that comes back different is taken
 * away again before a segment names it: else its directory would offer the next snapshot chunks that are not there. CorruptError
 * ("CAME_BACK_DIFFERENT"), also if it cannot be taken away; StorageError if it cannot be read.
 */
export async function readBack(
	repository: Repository,
	stage: Stage,
	pack: SegmentPack,
): Promise<void> {
	try {
		provePack(repository, pack);
	} catch (error) {
		await takeAway(repository, stage, pack);
		if (!(error instanceof CorruptError)) throw error;
		throw new CorruptError(
			cameBackDifferent,
			`the pack ${pack.id}, stored a moment ago, comes back different: ${error.message}`,
			{ ...error.details, pack: pack.id },
			{ cause: error },
		);
	}
}

async function takeAway(
	{ backend, observer }: Repository,
	stage: Stage,
	{ id }: SegmentPack,
): Promise<void> {
	try {
		await backend.remove(stage, "packs", id);
	} catch (error) {
		if (!isVarveError(error)) throw error;
		const message = `the pack ${id} cannot be relied on and could not be removed: ${error.message}`;
		observer.on({ type: "warning", message });
	}
}

/** Of decoded frames: the one that is proved, and those of its bases. */
const cacheBytes = 8 * 1024 * 1024;

function provePack(
	{ backend, index, tools }: Repository,
	pack: SegmentPack,
): void {
	const { lookup } = index;
	const sources = { reads: backend.blocking, tools, lookup };
	const frames = new FrameCache(sources, cacheBytes);
	for (const frame of pack.frames) {
		const { raw } = frames.frame({ pack: pack.id, ...frame });
		const [wrong] = wrongChunks(raw, frame, (bytes) => tools.sha256(bytes));
		if (wrong !== undefined)
			throw new CorruptError(
				"BAD_CHUNK",
				`the chunk ${toHex(wrong)} does not match its id`,
				{ chunk: toHex(wrong) },
			);
	}
}
