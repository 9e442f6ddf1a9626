import {
	type Bytes,
	encodeTree,
	type Node,
	type Root,
	type TreeId,
} from "@varve/format";
import { makeTree } from "@varve/testkit";
import type { Snapshot } from "../../packages/core/src/repository.ts";
import { sha256Hex } from "./fake-objects.ts";
import {
	type readingPlace,
	type TestRepository,
	takeSnapshot,
} from "./reading-workplace.ts";

export interface Crafted {
	readonly repository: TestRepository;
	readonly snapshot: Snapshot;
}

/** Trees, lists and chunks for a snapshot that no writer makes: a chunk of content is as good as a tree if its bytes are. */
export class Craft {
	readonly #chunks = new Map<string, Bytes>();

	put(bytes: Bytes): string {
		const id = sha256Hex(bytes);
		this.#chunks.set(id, bytes);
		return id;
	}

	tree(...nodes: Node[]): TreeId {
		return this.put(encodeTree(nodes)) as TreeId;
	}

	/** Stores what was put, in chunks of their own, and makes a snapshot with these roots out of that of "/". */
	async snapshot(
		place: ReturnType<typeof readingPlace>,
		roots: readonly (Pick<Root, "path" | "tree"> & Partial<Root>)[],
	): Promise<Crafted> {
		const folder = place.fresh("chunks");
		makeTree(folder, Object.fromEntries(this.#chunks));
		// Nothing below the least size is cut.
		const repository = await place.repository({
			parameters: {
				chunker: {
					algorithm: "gear1",
					min: 16_384,
					average: 65_536,
					max: 262_144,
				},
			},
		});
		const taken = await takeSnapshot(repository, folder);
		const { record } = taken;
		const [root] = record.roots as [Root];
		const crafted = roots.map((given) => ({ ...root, ...given }));
		return {
			repository,
			snapshot: { ...taken, record: { ...record, roots: crafted } },
		};
	}
}
