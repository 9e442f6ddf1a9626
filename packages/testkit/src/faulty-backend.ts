import type {
	BlockingReads,
	RemoveBackend,
	Spool,
	SpoolFile,
	Stage,
} from "@varve/store";

/** Operations of a backend that can be made to fail. */
export type FaultPoint =
	| "list"
	| "read"
	| "size"
	| "space"
	| "stage"
	| "listStages"
	| "fence"
	| "listFenced"
	| "clearFenced"
	| "remove"
	| "settle"
	| "settlePacks"
	| "quarantine"
	| "giveUpReserve"
	| "put"
	| "putBytes"
	| "release"
	| "spool.create"
	| "spool.write"
	| "spool.close"
	| "spool.discard"
	| "blocking.readInto"
	| "blocking.size";

export interface Fault {
	/** Undefined: any of them. */
	readonly at?: FaultPoint | readonly FaultPoint[] | undefined;
	/** Which call of those named fails, counted from 1. */
	readonly nth: number;
	/** From then on, or once (the default). */
	readonly always?: boolean | undefined;
	readonly error: () => Error;
}

export interface FaultyBackend extends RemoveBackend {
	/** Calls so far, in order: a sweep counts them in a run without faults, then fails each in turn. */
	readonly calls: readonly FaultPoint[];
	/** How often a fault struck. */
	readonly struck: number;
}

/**
 * A backend that fails as planned, before the operation has done anything. Only this thread can use it: it has no descriptor. A
 * removed stage must be one of this backend.
 */
export function faultyBackend(
	backend: RemoveBackend,
	plan: readonly Fault[],
): FaultyBackend {
	const faults = new FaultCounter(plan);
	const stages = new WeakMap<Stage, Stage>();
	const { strike } = faults;
	return {
		calls: faults.calls,
		get struck() {
			return faults.struck;
		},
		location: backend.location,
		descriptor: undefined,
		blocking: faultyBlockingReads(backend.blocking, strike),
		list: (...args) => strikeOr(strike, "list", () => backend.list(...args)),
		read: (...args) => strikeOr(strike, "read", () => backend.read(...args)),
		size: (...args) => strikeOr(strike, "size", () => backend.size(...args)),
		space: () => strikeOr(strike, "space", () => backend.space()),
		listStages: () =>
			strikeOr(strike, "listStages", () => backend.listStages()),
		fence: (lease) => strikeOr(strike, "fence", () => backend.fence(lease)),
		listFenced: () =>
			strikeOr(strike, "listFenced", () => backend.listFenced()),
		clearFenced: () =>
			strikeOr(strike, "clearFenced", () => backend.clearFenced()),
		stage: (lease) =>
			strikeOr(strike, "stage", async () => {
				const inner = await backend.stage(lease);
				const outer = faultyStage(inner, strike);
				stages.set(outer, inner);
				return outer;
			}),
		remove: (stage, kind, name) =>
			strikeOr(strike, "remove", () => {
				const inner = stages.get(stage);
				if (!inner) throw new Error("the stage is not one of this backend");
				return backend.remove(inner, kind, name);
			}),
		settle: (kinds) => strikeOr(strike, "settle", () => backend.settle(kinds)),
		settlePacks: (names) =>
			strikeOr(strike, "settlePacks", () => backend.settlePacks(names)),
		quarantine: (stage, kind, name, options) =>
			strikeOr(strike, "quarantine", () => {
				const inner = stages.get(stage);
				if (!inner) throw new Error("the stage is not one of this backend");
				return backend.quarantine(inner, kind, name, options);
			}),
		giveUpReserve: () =>
			strikeOr(strike, "giveUpReserve", () => backend.giveUpReserve()),
		close: () => backend.close(),
		[Symbol.asyncDispose]: () => backend.close(),
	};
}

type Strike = (point: FaultPoint) => void;

class FaultCounter {
	readonly calls: FaultPoint[] = [];
	struck = 0;
	readonly #plan: readonly Fault[];
	readonly #counts: number[];

	constructor(plan: readonly Fault[]) {
		this.#plan = plan;
		this.#counts = plan.map(() => 0);
	}

	readonly strike: Strike = (point) => {
		this.calls.push(point);
		const due = this.#plan.filter((fault, i) => this.#isDue(fault, i, point));
		if (due[0]) {
			this.struck++;
			throw due[0].error();
		}
	};

	#isDue(fault: Fault, index: number, point: FaultPoint): boolean {
		const named = [fault.at ?? point].flat();
		if (!named.includes(point)) return false;
		const count = (this.#counts[index] as number) + 1;
		this.#counts[index] = count;
		return fault.always ? count >= fault.nth : count === fault.nth;
	}
}

async function strikeOr<T>(
	strike: Strike,
	point: FaultPoint,
	work: () => Promise<T>,
): Promise<T> {
	strike(point);
	return await work();
}

function faultyBlockingReads(
	inner: BlockingReads,
	strike: Strike,
): BlockingReads {
	return {
		readInto: (...args) => {
			strike("blocking.readInto");
			inner.readInto(...args);
		},
		size: (...args) => {
			strike("blocking.size");
			return inner.size(...args);
		},
		close: () => inner.close(),
	};
}

function faultyStage(inner: Stage, strike: Strike): Stage {
	return {
		lease: inner.lease,
		descriptor: undefined,
		spool: faultySpool(inner.spool, strike),
		put: (...args) => strikeOr(strike, "put", () => inner.put(...args)),
		putBytes: (...args) =>
			strikeOr(strike, "putBytes", () => inner.putBytes(...args)),
		release: () => strikeOr(strike, "release", () => inner.release()),
	};
}

function faultySpool(inner: Spool, strike: Strike): Spool {
	return {
		create: () => {
			strike("spool.create");
			return faultySpoolFile(inner.create(), strike);
		},
	};
}

function faultySpoolFile(inner: SpoolFile, strike: Strike): SpoolFile {
	return {
		name: inner.name,
		write: (bytes) => {
			strike("spool.write");
			inner.write(bytes);
		},
		close: () => {
			strike("spool.close");
			inner.close();
		},
		discard: () => {
			strike("spool.discard");
			inner.discard();
		},
	};
}
