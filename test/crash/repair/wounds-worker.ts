import { seeded } from "../random.mjs";
import { Bench, noise } from "./bench.ts";
import {
	Anatomy,
	allWounds,
	complaintsAbout,
	describeWound,
	type Wound,
} from "./wounds.ts";

/** What wounds.mjs asks of a process: one part of all wounds, of each one in `every`. */
export interface Task {
	readonly seed: number;
	readonly copies: boolean;
	readonly part: number;
	readonly parts: number;
	readonly every: number;
}

export interface Answer {
	/** Of the repository, without the reserve. */
	readonly bytes: number;
	readonly files: number;
	readonly counts: Readonly<Record<string, number>>;
	readonly failures: readonly string[];
}

const mostFailures = 50;

/** Tries every wound of a small repository, or every so many-th, as the seed says which. */
export async function tryWounds({
	seed,
	copies,
	part,
	parts,
	every,
}: Task): Promise<Answer> {
	const bench = await Bench.make(
		{
			plain: noise(900, seed * 7 + 1),
			sub: { raw: noise(1500, seed * 7 + 2), text: "words ".repeat(120) },
			changed: noise(400, seed * 7 + 3),
		},
		{ changed: noise(500, seed * 7 + 4), later: { a: "short", empty: "" } },
		{ copies },
	);
	try {
		const anatomy = await Anatomy.of(bench);
		const counts: Record<string, number> = {};
		const failures: string[] = [];
		const count = (what: string) => {
			counts[what] = (counts[what] ?? 0) + 1;
		};
		const random = seeded(seed);
		let index = 0;
		for (const wound of allWounds(bench.files)) {
			// Files that are gone are few: each is tried by the first process.
			const isMine =
				wound.what === "gone"
					? part === 0
					: random.below(every) === 0 && index++ % parts === part;
			if (!isMine) continue;
			count(kindOf(wound));
			const complaints = await complaintsAbout(wound, anatomy, count);
			for (const text of complaints)
				failures.push(`${describeWound(wound)}: ${text}`);
			if (failures.length >= mostFailures) break;
		}
		const files = bench.files.filter(({ kind }) => kind !== "reserve");
		const bytes = files.reduce((sum, file) => sum + file.bytes.length, 0);
		return { bytes, files: bench.files.length, counts, failures };
	} finally {
		bench.remove();
	}
}

function kindOf({ what }: Wound): string {
	if (what === "gone") return "gone";
	return "cut" in what ? "cuts" : "flips";
}

if (process.send !== undefined)
	process.once("message", async (task: Task) => {
		process.send?.(await tryWounds(task), () => process.exit(0));
	});
