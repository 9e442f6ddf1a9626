import {
	forget,
	listSnapshots,
	pin,
	planByHand,
	type Repository,
	setPolicy,
} from "@varve/core";
import { hardlink, symlink } from "@varve/testkit";
import { Bench, noise, put } from "./bench.ts";

/** As small as they may be, so that a few thousand bytes make several packs, and frames of one chunk and of several. */
const parameters = {
	chunker: { algorithm: "gear1", min: 64, average: 1024, max: 1100 },
	frameBytes: 1024,
	packBytes: 2048,
} as const;

/**
 * A few thousand bytes with one of everything that lies in a repository: packs of content and of trees, frames with one chunk and several, raw, compressed
 * and beside others, contents that repeat and that have holes, lists; names of one file, a symlink; a snapshot with a label and its parent, which is forgotten;
 * a policy.
 */
export async function smallRepository(
	seed: number,
	copies: boolean,
): Promise<Bench> {
	const changed = noise(300, seed * 7 + 3);
	const later = changed.slice();
	const words = "some words ".repeat(60);
	const raw = {
		a: noise(350, seed * 7 + 1),
		b: noise(400, seed * 7 + 2),
	};
	later.set(noise(20, seed * 7 + 4), 150);
	return await Bench.make(
		{
			changed,
			// A tree that is worth a difference when something is added to it.
			all: {
				...raw,
				"changed, as it was at first": changed,
				"words of the text": words,
				whole: "whole",
			},
			raw,
			text: {
				holes: new Uint8Array(66_000),
				long: "long ".repeat(3800),
				words,
			},
			twin: hardlink("changed"),
			link: symlink("text/words"),
		},
		{ all: { empty: "" }, changed: later, later: { a: "short" } },
		{ copies, parameters, also: addMarks },
	);
}

/** The second snapshot is pinned, the first forgotten; there is a policy. The reserve, which nobody reads, is made small. */
async function addMarks(repository: Repository): Promise<void> {
	const all = await listSnapshots(repository);
	const [second, first] =
		all[0]?.record.parent === undefined ? [...all].reverse() : all;
	if (first === undefined || second === undefined)
		throw new Error("no snapshots");
	await pin(repository, [second.id]);
	await forget(repository, planByHand([first]));
	await setPolicy(repository, "few", {
		groupBy: ["host"],
		policy: { keepLast: 3 },
		exceptions: [],
	});
	const reserve = { kind: "reserve", name: "reserve" } as const;
	await put(repository.backend, [{ ...reserve, bytes: new Uint8Array(16) }]);
}
