import { utf8 } from "@varve/format";
import type { Repository } from "./repository.ts";

const minute = 60_000;
/** A lease that nobody can judge is dead when its holder has shown no sign of life for so long, ms. It shows one every five minutes. */
export const silentAfter = 30 * minute;

/** What this client remembers of things it watches: how they looked, and when, by the time since this boot, they first looked so. */
interface Sightings {
	readonly bootId: string;
	readonly first: { readonly [key: string]: readonly [look: number, number] };
}

/**
 * How long, in ms, each of these has looked as it does now. What is seen is kept in the client's cache with the id of the boot and the
 * time since it began, so that short runs add up within one boot; no clock of another machine is asked, and none that can be set.
 * 0 for all where nothing can be remembered. Looks must never come back: then two looks at the same one mean that nothing was between.
 */
export async function timeUnchanged(
	repository: Repository,
	subject: "leases" | "stages",
	looks: ReadonlyMap<string, number>,
): Promise<Map<string, number>> {
	if (looks.size === 0) return new Map();
	const { cache, timer, identity } = repository;
	const now = timer.uptime();
	const before = await remembered(repository, subject);
	const first: { [key: string]: readonly [number, number] } = {};
	for (const [key, look] of looks) {
		const sight = before?.[key];
		const isSame = sight !== undefined && sight[0] === look && sight[1] <= now;
		first[key] = isSame ? sight : [look, now];
	}
	const sightings: Sightings = { bootId: identity.bootId, first };
	if (JSON.stringify(first) !== JSON.stringify(before))
		await cache.put(`sightings/${subject}`, utf8(JSON.stringify(sightings)));
	return new Map(
		Object.entries(first).map(([key, [, since]]) => [key, now - since]),
	);
}

/** undefined if nothing is, or not in this boot. */
async function remembered(
	{ cache, identity }: Repository,
	subject: string,
): Promise<Sightings["first"] | undefined> {
	if (identity.bootId === "") return undefined;
	const bytes = await cache.get(`sightings/${subject}`);
	if (bytes === undefined) return undefined;
	// Its bytes are as this program wrote them: the cache proves that.
	const { bootId, first } = JSON.parse(
		Buffer.from(bytes).toString("utf8"),
	) as Sightings;
	return bootId === identity.bootId ? first : undefined;
}
