import type { CopiedKind } from "../copies/copy-files.ts";
import { isCopySound } from "../copies/lost-originals.ts";
import type { Repository } from "../repository.ts";
import type { Fault } from "./finding.ts";

const copied: readonly string[] = ["config", "keys", "packs", "snapshots"];

/** Of the files that faults are of, those whose copies are what was stored, as `<kind>/<name>`. They are read whole for that. */
export async function soundCopies(
	faults: readonly Fault[],
	repository: Repository,
): Promise<ReadonlySet<string>> {
	const sound = new Set<string>();
	const asked = new Set<string>();
	for (const { file } of faults) {
		if (file === undefined || !copied.includes(file.kind)) continue;
		const key = keyOf(file);
		if (asked.has(key)) continue;
		asked.add(key);
		if (await isCopySound(repository, file.kind as CopiedKind, file.name))
			sound.add(key);
	}
	return sound;
}

export function hasSoundCopy(
	{ file }: Pick<Fault, "file">,
	sound: ReadonlySet<string>,
): boolean {
	return file !== undefined && sound.has(keyOf(file));
}

function keyOf({ kind, name }: { kind: string; name: string }): string {
	return `${kind}/${name}`;
}
