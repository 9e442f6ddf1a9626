import { compileOnce } from "../compile-once.mjs";
import { seeded } from "../random.mjs";
import { Anatomy } from "./anatomy.ts";
import { Ladder } from "./ladder.ts";
import { smallRepository } from "./small-repository.ts";
import {
	allWounds,
	complaintsAbout,
	describeWound,
	type Wound,
} from "./wounds.ts";

/** What wounds.mjs asks of a process: one part of all wounds, of each one in `every`, without the first `from` of them. */
export interface Task {
	readonly seed: number;
	readonly copies: boolean;
	readonly part: number;
	readonly parts: number;
	readonly every: number;
	readonly from: number;
}

/** What has been tried so far. */
export interface Answer {
	/** Of the repository. */
	readonly bytes: number;
	readonly files: number;
	/** Wounds gone through, of `wounds`: these are not shared among the parts. */
	readonly at: number;
	readonly wounds: number;
	readonly counts: Readonly<Record<string, number>>;
	readonly failures: readonly string[];
	/** Seconds of processor time of this process. */
	readonly cpu: number;
}

const mostFailures = 50;
/** Milliseconds between two answers while the work goes on. */
const tellAfter = 30_000;

/** Tries every wound of a small repository, or every so many-th, as the seed says which. */
export async function tryWounds(
	{ seed, copies, part, parts, every, from }: Task,
	tell: (soFar: Answer) => void,
): Promise<Answer> {
	const bench = await smallRepository(seed, copies);
	try {
		const ladder = new Ladder();
		const using = { anatomy: await Anatomy.of(bench), ladder };
		const wounds = [...allWounds(bench.files)];
		const counts: Record<string, number> = {};
		const failures: string[] = [];
		const count = (what: string) => {
			counts[what] = (counts[what] ?? 0) + 1;
		};
		const answer = (at: number): Answer => ({
			bytes: bench.files.reduce((sum, file) => sum + file.bytes.length, 0),
			files: bench.files.length,
			...{ at, wounds: wounds.length, failures, cpu: processorTime() },
			counts: { ...counts, repairs: ladder.run, known: ladder.known },
		});
		const random = seeded(seed);
		let told = performance.now();
		let index = 0;
		for (const [at, wound] of wounds.entries()) {
			// Files that are gone are few: each is tried by the first process.
			const isMine =
				wound.what === "gone"
					? part === 0
					: random.below(every) === 0 && index++ % parts === part;
			if (!isMine || at < from) continue;
			count(kindOf(wound));
			const complaints = await complaintsAbout(wound, using, count);
			for (const text of complaints)
				failures.push(`wound ${at}, ${describeWound(wound)}: ${text}`);
			if (failures.length >= mostFailures) return answer(at + 1);
			if (performance.now() - told < tellAfter) continue;
			told = performance.now();
			tell(answer(at + 1));
		}
		return answer(wounds.length);
	} finally {
		bench.remove();
	}
}

function processorTime(): number {
	const { user, system } = process.cpuUsage();
	return (user + system) / 1e6;
}

function kindOf({ what }: Wound): string {
	if (what === "gone") return "gone";
	return "cut" in what ? "cuts" : "flips";
}

if (process.send !== undefined)
	process.once("message", async (task: Task) => {
		compileOnce();
		const tell = (soFar: Answer) => process.send?.({ soFar });
		process.send?.(await tryWounds(task, tell), () => process.exit(0));
	});
