import { idBytes, toHex } from "@varve/format";
import type { Toolbox } from "@varve/kernel";
import { isDamage } from "../damage.ts";
import type { FrameCache } from "../frame-cache.ts";
import { BatchFrames } from "../restore/batch-frames.ts";
import type { SimulationReply, SimulationTask } from "./tasks.ts";

/** Decodes the frames of a batch and goes through its files as a restore does, item by item, but writes nothing. */
export function simulateBatch(
	{ id, simulate: parts, frames: columns }: SimulationTask,
	cache: FrameCache,
	tools: Pick<Toolbox, "sha256">,
): SimulationReply {
	const frames = new BatchFrames(cache, tools, columns);
	const problems: SimulationReply["problems"][number][] = [];
	let chunks = 0;
	let bytes = 0;
	for (const [part, suffix] of parts.suffixes.entries()) {
		const end = parts.firstItem[part + 1] as number;
		for (let item = parts.firstItem[part] as number; item < end; item++) {
			if ((parts.frame[item] as number) < 0) continue;
			try {
				frames.proved(parts, item);
				chunks++;
				bytes += parts.length[item] as number;
			} catch (error) {
				if (!isDamage(error)) throw error;
				const at = item * idBytes;
				const chunk = toHex(parts.ids, at, at + idBytes);
				const message = `cannot be read: ${error.message}`;
				problems.push({ suffix, chunk, message });
			}
		}
	}
	return { id, chunks, bytes, problems, path: parts.suffixes[0] };
}
