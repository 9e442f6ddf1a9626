import { createHash } from "node:crypto";
import {
	type Finding,
	openRepository,
	type Repository,
	recover,
	repairIndex,
	repairPacks,
	repairSnapshots,
	type SnapshotId,
	verify,
} from "@varve/core";
import type { RemoveBackend } from "@varve/store";
import { seeded } from "../random.mjs";
import {
	backendWith,
	type Content,
	type Files,
	filesOf,
	readAll,
} from "./bench.ts";

/** All repairs, in the order in which the manual has them. */
const rungs: readonly ((repository: Repository) => Promise<unknown>)[] = [
	(repository) => repairPacks(repository, { readData: true }),
	(repository) => repairIndex(repository),
	(repository) => recover(repository),
	(repository) => repairSnapshots(repository),
];

/** Of a process that cannot be judged, which spares the questions to the system. */
const identity = {
	...{ host: "host", user: "user", machineId: "", bootId: "", pid: 1 },
	...{ startTicks: "", pidNamespace: "", program: "wounds" },
};

/** States and what came of them that are remembered: wounds that lie side by side come to the same. */
const remembered = 256;
/** Each so many-th time that something is remembered it is done all the same, and compared. */
const compared = 100;

/** What is in a repository after all repairs. */
export interface Mended {
	readonly digest: string;
	readonly content: ReadonlyMap<SnapshotId, Content>;
	readonly findings: readonly Finding[];
}

/**
 * Runs all repairs, each in a process of its own as it were, and reads and verifies what is there then. Clock and random numbers are the same each time, so
 * that what a repair does follows from the bytes it finds: what was done once with the same bytes is not done again, but for a sample that is compared. The
 * quarantine, which nothing reads, does not count.
 */
export class Ladder {
	readonly #steps = new Recent<Files>();
	readonly #ends = new Recent<Mended>();
	/** Of commands that were run, and of results that were known. */
	run = 0;
	known = 0;

	async climb(files: Files): Promise<Mended> {
		let state = inOrder(files);
		for (const [number, rung] of rungs.entries())
			state = await this.#once(this.#steps, `${number}${digestOf(state)}`, {
				work: () => this.#take(state, number, rung),
				digest: digestOf,
			});
		return await this.#once(this.#ends, digestOf(state), {
			work: () => this.#look(state),
			digest: ({ digest, content, findings }) =>
				JSON.stringify([
					digest,
					[...content].map(([id, paths]) => [id, [...paths]]),
					findings,
				]),
		});
	}

	async #once<T>(
		recent: Recent<T>,
		key: string,
		{ work, digest }: { work: () => Promise<T>; digest: (result: T) => string },
	): Promise<T> {
		const known = recent.get(key);
		if (known === undefined || ++this.known % compared === 0) {
			this.run++;
			const result = await work();
			if (known !== undefined && digest(known) !== digest(result))
				throw new Error("the same bytes have come to something else");
			recent.set(key, result);
			return result;
		}
		return known;
	}

	async #take(
		state: Files,
		number: number,
		rung: (repository: Repository) => Promise<unknown>,
	): Promise<Files> {
		const backend = await backendWith(state);
		await using repository = await openAgain(backend, number);
		await rung(repository);
		return stateOf(backend);
	}

	async #look(state: Files): Promise<Mended> {
		await using repository = await openAgain(
			await backendWith(state),
			rungs.length,
		);
		const content = await readAll(repository);
		const { findings } = await verify(repository, { level: "data" });
		return { digest: digestOf(state), content, findings };
	}
}

/** As always with this number. */
export async function openAgain(
	location: RemoveBackend,
	number: number,
): Promise<Repository> {
	let now = Date.UTC(2100, 0, 1 + number);
	const clock = { now: () => now++, offsetMinutes: () => 0 };
	const repository = await openRepository({
		...{ location, workers: 0, clock, identity },
	});
	const random = seeded(number + 1);
	repository.tools.random = (count) => random.bytes(count).slice();
	return repository;
}

async function stateOf(backend: RemoveBackend): Promise<Files> {
	const files = await filesOf(backend);
	return inOrder(files.filter(({ kind }) => kind !== "quarantine"));
}

function inOrder(files: Files): Files {
	return [...files].sort((a, b) => (pathOf(a) < pathOf(b) ? -1 : 1));
}

const pathOf = ({ kind, name }: Files[number]) => `${kind}/${name}`;

const digests = new WeakMap<Files, string>();

/** Of names and bytes. */
export function digestOf(files: Files): string {
	const known = digests.get(files);
	if (known !== undefined) return known;
	const hash = createHash("sha256");
	for (const file of inOrder(files)) {
		hash.update(`${pathOf(file)} ${file.bytes.length}\n`);
		hash.update(file.bytes);
	}
	const digest = hash.digest("hex");
	digests.set(files, digest);
	return digest;
}

/** What was asked for last. */
class Recent<T> {
	readonly #all = new Map<string, T>();

	get(key: string): T | undefined {
		const value = this.#all.get(key);
		if (value !== undefined) this.set(key, value);
		return value;
	}

	set(key: string, value: T): void {
		this.#all.delete(key);
		this.#all.set(key, value);
		if (this.#all.size <= remembered) return;
		const [oldest] = this.#all.keys();
		if (oldest !== undefined) this.#all.delete(oldest);
	}
}
