import type { VarveError } from "@varve/format";
import { isVanished } from "../damage.ts";
import type { Observer } from "../events.ts";
import type { FramePlace } from "../frame-cache.ts";
import type { Repository } from "../repository.ts";
import { lostOriginals } from "./lost-originals.ts";

/** Warns once of each pack whose copy is read in its place. */
export function tellCopies({
	on,
}: Pick<Observer, "on">): (frame: FramePlace, damage: VarveError) => void {
	const told = new Set<string>();
	return ({ pack }, damage) => {
		if (told.has(pack)) return;
		told.add(pack);
		const problem = isVanished(damage) ? "missing" : "damaged";
		on({
			type: "warning",
			message: `packs/${pack} is ${problem}: its copy is read instead; varve repair puts it back`,
		});
	};
}

/** Warns of each snapshot whose record is lost and whose copy alone is there: it is not listed, and who asks for the latest one must know. */
export async function tellLostRecords({
	backend,
	observer,
}: Pick<Repository, "backend" | "observer">): Promise<void> {
	for (const { name } of await lostOriginals(backend, "snapshots"))
		observer.on({
			type: "warning",
			message: `snapshots/${name} is missing, only its copy is there: the snapshot is left out until varve repair puts it back, and latest may mean an older one`,
		});
}
