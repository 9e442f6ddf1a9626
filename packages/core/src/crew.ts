import { fromWire, toWire, type WireError } from "@varve/format";
import type { Job, JobReply } from "./job.ts";
import type { Crew } from "./repository.ts";

/** What a worker thread is told when it starts; `setup` is the job's. */
export interface WorkerOrders {
	readonly job: string;
	readonly repository: unknown;
	readonly setup: unknown;
}

export type WorkerMessage =
	| { readonly reply: unknown }
	| { readonly failure: WireError }
	| { readonly ready: true };

/** The part of a worker thread that a crew needs. */
export interface Hand {
	post(task: object, transfer: readonly ArrayBuffer[]): void;
	onMessage(take: (message: WorkerMessage) => void): void;
	onExit(take: (error: Error | undefined) => void): void;
	stop(): Promise<void>;
}

/** Tasks a thread has before it, so that it never waits for the next one. */
const queueLength = 2;

/** Shares tasks among threads; the first failure fails all. */
export function createThreadCrew(
	hands: readonly Hand[],
	signal: AbortSignal | undefined,
): Crew {
	const pending = hands.map(() => 0);
	const waiting: (() => void)[] = [];
	let failure: { error: unknown } | undefined;
	let closed = false;
	const wake = () => {
		for (const resolve of waiting.splice(0)) resolve();
	};
	const fail = (error: unknown) => {
		failure ??= { error };
		wake();
	};
	const crew: Crew = {
		size: hands.length,
		onReply: () => {},
		async submit(task, transfer = []) {
			await until(() => pending.some((count) => count < queueLength));
			give(pending.indexOf(Math.min(...pending)), task, transfer);
		},
		async submitToEach(task) {
			hands.forEach((_, index) => {
				give(index, task(), []);
			});
			check();
		},
		idle: () => until(() => pending.every((count) => count === 0)),
		async close() {
			if (closed) return;
			closed = true;
			signal?.removeEventListener("abort", abort);
			await Promise.all(hands.map((hand) => hand.stop()));
		},
	};
	const abort = () => fail(signal?.reason);
	signal?.addEventListener("abort", abort, { once: true });
	hands.forEach((hand, index) => {
		hand.onMessage((message) => {
			if ("ready" in message) return;
			pending[index] = (pending[index] as number) - 1;
			if ("failure" in message) fail(fromWire(message.failure));
			else if (failure === undefined) settle(() => crew.onReply(message.reply));
			wake();
		});
		hand.onExit((error) => {
			if (!closed) fail(error ?? new Error("a worker thread ended by itself"));
		});
	});
	return crew;

	function give(
		index: number,
		task: object,
		transfer: readonly ArrayBuffer[],
	): void {
		check();
		pending[index] = (pending[index] as number) + 1;
		hands[index]?.post(task, transfer);
	}

	function settle(work: () => void): void {
		try {
			work();
		} catch (error) {
			fail(error);
		}
	}

	function check(): void {
		if (failure !== undefined) throw failure.error;
	}

	async function until(condition: () => boolean): Promise<void> {
		check();
		while (!condition()) {
			await new Promise<void>((resolve) => waiting.push(resolve));
			check();
		}
	}
}

/** The same without threads: each task is run when it is submitted. */
export function createInlineCrew(
	job: Job,
	signal: AbortSignal | undefined,
): Crew {
	let closed = false;
	const crew: Crew = {
		size: 1,
		onReply: () => {},
		async submit(task) {
			signal?.throwIfAborted();
			run(task);
			await new Promise((resolve) => setImmediate(resolve));
		},
		async submitToEach(task) {
			run(task());
		},
		idle: async () => signal?.throwIfAborted(),
		async close() {
			if (!closed) job.close();
			closed = true;
		},
	};
	return crew;

	function run(task: object): void {
		const { reply }: JobReply = job.run(task);
		crew.onReply(reply);
	}
}

/** Runs a job's tasks in a worker thread. */
export function serve(
	job: Job,
	task: object,
	post: (message: WorkerMessage, transfer: readonly ArrayBuffer[]) => void,
): void {
	try {
		const { reply, transfer } = job.run(task);
		post({ reply }, transfer ?? []);
	} catch (error) {
		post({ failure: toWire(error) }, []);
	}
}
