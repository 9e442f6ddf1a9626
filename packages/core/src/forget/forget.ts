import { ConflictError, encodeForgotten, type SnapshotId } from "@varve/format";
import type { Stage } from "@varve/store";
import { withReserve } from "../gc/reserve.ts";
import { withLease } from "../lease.ts";
import { listSnapshots } from "../query/list-snapshots.ts";
import type { Repository, Snapshot } from "../repository.ts";
import { settleSeen } from "../settle-seen.ts";
import { toldAs } from "../told-as.ts";
import { afterCommit } from "./committed.ts";
import {
	describeKey,
	type ForgetPlan,
	type PlannedGroup,
	removedBy,
} from "./plan.ts";
import { describePolicy } from "./policy.ts";

export interface ForgetOptions {
	/** What is written into the marks; if not said, the policy. */
	readonly reason?: string | undefined;
	readonly signal?: AbortSignal | undefined;
}

/** A snapshot that was to be forgotten and stays. */
export interface Spared {
	readonly id: SnapshotId;
	readonly reason: string;
}

export interface ForgetResult {
	/** In the order of the plan. */
	readonly forgotten: readonly SnapshotId[];
	readonly spared: readonly Spared[];
}

/**
 * Carries out a plan: marks snapshots as forgotten, durably. Their records stay until gc's grace is over, and `unforget` takes the
 * marks away. What has changed since the plan was made counts for the snapshot: one whose labels were changed, or whose
 * group lost what was to stay of it, is spared. An error after the first mark has `details.committed`: run it again.
 */
export async function forget(
	repository: Repository,
	plan: ForgetPlan,
	options: ForgetOptions = {},
): Promise<ForgetResult> {
	const removing = removedBy(plan);
	if (removing.length === 0) return { forgotten: [], spared: [] };
	const verb = "forget";
	const subject = `${removing.length} snapshots`;
	const lease = { kind: "writer", snapshots: [], command: verb } as const;
	return await toldAs(repository, { verb, subject }, () =>
		withReserve(repository, () =>
			withLease(repository, lease, (stage) =>
				new Forgetting(repository, stage, options).carryOut(plan),
			),
		),
	);
}

type Listed = ReadonlyMap<SnapshotId, Snapshot>;

const already = "forgotten already";

/** Marks that are written at a time: they share the syncs of their directory. */
const lanes = 16;

class Forgetting {
	readonly #repository: Repository;
	readonly #stage: Stage;
	readonly #options: ForgetOptions;
	readonly #spared = new Map<SnapshotId, string>();
	readonly #marked = new Set<SnapshotId>();

	constructor(repository: Repository, stage: Stage, options: ForgetOptions) {
		this.#repository = repository;
		this.#stage = stage;
		this.#options = options;
	}

	async carryOut(plan: ForgetPlan): Promise<ForgetResult> {
		const before = await this.#list();
		for (const group of plan.groups) this.#spareChanged(group, before);
		// What stays must stay, and what is marked already, by this very run on a full disk, must be.
		await settleSeen(this.#repository);
		try {
			for (const group of plan.groups) await this.#markAll(group);
			await this.#unmarkChanged(plan);
		} catch (error) {
			throw this.#marked.size > 0 ? halfway(error, this.#marked.size) : error;
		}
		return {
			forgotten: removedBy(plan).filter((id) => this.#marked.has(id)),
			spared: [...this.#spared].map(([id, reason]) => ({ id, reason })),
		};
	}

	async #list(): Promise<Listed> {
		const all = await listSnapshots(this.#repository, { forgotten: true });
		return new Map(all.map((one) => [one.id, one]));
	}

	/** What may not be forgotten any more, by what is there now. */
	#spareChanged(group: PlannedGroup, now: Listed): void {
		const lost = group.keep.find(({ snapshot }) => !isLive(snapshot, now));
		for (const planned of group.remove) {
			const reason =
				lost === undefined
					? this.#changeOf(planned, now.get(planned.id))
					: `${lost.snapshot.id.slice(0, 8)}, which was to stay of ${describeKey(group.key)}, is gone or forgotten meanwhile`;
			if (reason !== undefined) this.#spared.set(planned.id, reason);
		}
	}

	#changeOf(planned: Snapshot, now: Snapshot | undefined): string | undefined {
		if (now === undefined) return "not in the repository any more";
		if (now.forgotten) return already;
		if (planned.pin !== now.pin && now.pin) return "pinned meanwhile";
		return sameLabels(planned, now) ? undefined : "labelled meanwhile";
	}

	async #markAll({ remove, policy }: PlannedGroup): Promise<void> {
		const reason =
			this.#options.reason ??
			(policy === undefined ? "named by hand" : describePolicy(policy));
		const waiting = remove
			.filter(({ id }) => !this.#spared.has(id))
			.map(({ id }) => id)
			.values();
		const lane = async () => {
			for (const id of waiting) {
				this.#options.signal?.throwIfAborted();
				await this.#mark(id, reason);
			}
		};
		const done = await Promise.allSettled(Array.from({ length: lanes }, lane));
		for (const one of done) if (one.status === "rejected") throw one.reason;
	}

	async #mark(id: SnapshotId, reason: string): Promise<void> {
		const { tools, clock, identity } = this.#repository;
		const mark = {
			snapshot: id,
			time: new Date(clock.now()).toISOString(),
			host: identity.host,
			user: identity.user,
			reason,
		};
		const bytes = encodeForgotten(mark, (b) => tools.sha256Hex(b));
		try {
			await this.#stage.putBytes("forgotten", id, bytes, { exclusive: true });
			this.#marked.add(id);
		} catch (error) {
			if (!(error instanceof ConflictError) || error.code !== "EXISTS")
				throw error;
			this.#spared.set(id, already);
		}
	}

	/**
	 * A label that was durable before the mark wins: who pinned a snapshot has been told that it stays. A gc that met the mark meanwhile
	 * waits for this lease, and finds it gone.
	 */
	async #unmarkChanged(plan: ForgetPlan): Promise<void> {
		const now = await this.#list();
		for (const { remove } of plan.groups)
			for (const planned of remove) {
				const { id } = planned;
				const after = now.get(id);
				if (!this.#marked.has(id) || after === undefined) continue;
				const reason = this.#changeOf(planned, { ...after, forgotten: false });
				if (reason === undefined) continue;
				await this.#repository.backend.remove(this.#stage, "forgotten", id);
				this.#marked.delete(id);
				this.#spared.set(id, reason);
			}
	}
}

function isLive({ id }: Snapshot, now: Listed): boolean {
	const one = now.get(id);
	return one !== undefined && !one.forgotten;
}

/** Of what decides whether a snapshot stays. */
function sameLabels(a: Snapshot, b: Snapshot): boolean {
	const tagsOf = ({ tags }: Snapshot) => [...tags].sort().join(",");
	return a.pin === b.pin && a.expires === b.expires && tagsOf(a) === tagsOf(b);
}

/** What is marked stays so: running it again does the rest. */
function halfway(error: unknown, count: number): unknown {
	return afterCommit(
		error,
		({ message }) =>
			`${message}; ${count} snapshots had been forgotten by then`,
	);
}
