import { FrameKind } from "@varve/format";
import type { Stage } from "@varve/store";
import type { Repository } from "../repository.ts";
import { MetaWriter } from "../snapshot/meta-writer.ts";
import { PackShelf } from "../snapshot/pack-shelf.ts";

/** Where trees that a repair has made are stored. Without a stage nothing is. */
export class TreeStore {
	readonly meta: MetaWriter;
	readonly #repository: Repository;
	readonly #stage: Stage | undefined;

	constructor(repository: Repository, stage: Stage | undefined) {
		const { kernel, config, tools, index } = repository;
		this.#repository = repository;
		this.#stage = stage;
		this.meta = new MetaWriter({
			encoder: kernel.encoder("auto"),
			packs: kernel.packWriter(FrameKind.meta, () => {
				if (stage === undefined) throw new Error("a dry run stores nothing");
				return stage.spool.create();
			}),
			lookup: async () => index.lookup,
			openFinder: undefined,
			tools,
			frameBytes: config.frameBytes,
			dryRun: stage === undefined,
		});
	}

	/** All that was put is durable, and named by segments, when this resolves. */
	async finish(): Promise<void> {
		await this.meta.finish();
		if (this.#stage === undefined || this.meta.packs.length === 0) return;
		const shelf = new PackShelf(this.#stage, this.#repository.tools, {
			adopted: undefined,
			prove: undefined,
		});
		for (const pack of this.meta.packs) shelf.add(pack);
		await shelf.finish();
	}

	discard(): void {
		this.meta.discard();
	}
}
