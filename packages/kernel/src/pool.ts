import { parentPort, Worker } from "node:worker_threads";
import { fromWire, toWire, type WireError } from "@varve/format";

/** Threads that work off tasks, or this thread in their place. The first failure fails all: what is called then rejects with it. */
export interface Pool<Task, Reply> {
	readonly size: number;
	/** Called for each reply in order of arrival. Set before the first submit; what it throws fails the pool. */
	onReply: (reply: Reply) => void;
	/** Resolves when the task is with a thread, which is as soon as one has less than two. Buffers in `transfer` are given away. */
	submit(task: Task, transfer?: readonly ArrayBuffer[]): Promise<void>;
	/** Gives a task of its own to each thread, behind all that was submitted before. */
	submitToEach(task: () => Task): Promise<void>;
	/** Resolves when all tasks have been replied to. */
	idle(): Promise<void>;
	/** Lets the threads end what they have, whose replies are dropped; resolves when they are gone. Never rejects; may be called again. */
	close(): Promise<void>;
}

/** What a task comes to: a reply, and the buffers in it that are given away. */
export interface Answer<Reply> {
	readonly reply: Reply;
	readonly transfer?: readonly ArrayBuffer[];
}

export interface Server<Task, Reply> {
	/** Synchronous; what it throws fails the pool, with class, code and cause of the error kept. */
	run(task: Task): Answer<Reply>;
	/** Called once, after the last task. */
	close?(): void;
}

export interface PoolOptions {
	/** The module each thread runs: it calls `serveTasks`. */
	readonly url: URL;
	readonly size: number;
	readonly workerData?: unknown;
	/** Ends all threads at once, in the middle of what they do. */
	readonly signal?: AbortSignal | undefined;
}

type Order = { readonly task: unknown } | { readonly stop: true };
type Message = { readonly reply: unknown } | { readonly failure: WireError };

/** Tasks with a thread at most, so that it has the next one while the reply to the last is on its way. */
const tasksPerThread = 2;

/** In a thread of a pool: runs one task after the other. Tasks that came before are waiting. */
export function serveTasks<Task, Reply>(server: Server<Task, Reply>): void {
	const port = parentPort;
	if (port === null) throw new Error("not in a thread of a pool");
	port.on("message", (order: Order) => {
		if ("stop" in order) {
			server.close?.();
			port.close();
			return;
		}
		try {
			const { reply, transfer } = server.run(order.task as Task);
			port.postMessage({ reply } satisfies Message, transfer ?? []);
		} catch (error) {
			port.postMessage({ failure: toWire(error) } satisfies Message);
		}
	});
}

export function startPool<Task, Reply>(
	options: PoolOptions,
): Pool<Task, Reply> {
	return new ThreadPool(options);
}

/** Callers that wait for something to happen, and the failure that ends all waiting. */
class Turnstile {
	#waiting: (() => void)[] = [];
	#failure: { readonly error: unknown } | undefined;

	check(): void {
		if (this.#failure !== undefined) throw this.#failure.error;
	}

	/** Lets those who wait look again. */
	wake(): void {
		const waiting = this.#waiting;
		this.#waiting = [];
		for (const resolve of waiting) resolve();
	}

	/** Only the first counts. */
	fail(error: unknown): void {
		this.#failure ??= { error };
		this.wake();
	}

	/** Does nothing after a failure, and makes one of what is thrown. */
	run(step: () => void): void {
		if (this.#failure !== undefined) return;
		try {
			step();
		} catch (error) {
			this.fail(error);
		}
	}

	async until(condition: () => boolean): Promise<void> {
		this.check();
		while (!condition()) {
			await new Promise<void>((resolve) => this.#waiting.push(resolve));
			this.check();
		}
	}
}

interface Thread {
	readonly worker: Worker;
	readonly gone: Promise<void>;
	/** Tasks not yet replied to. */
	pending: number;
}

/**
 * Young objects of a thread. Left alone, V8 lets them take 48 MB, of garbage mostly: content lies in buffers that are used again, and what is
 * made for a chunk or a file is gone with it.
 */
const resourceLimits = { maxYoungGenerationSizeMb: 12 };

class ThreadPool<Task, Reply> implements Pool<Task, Reply> {
	onReply: (reply: Reply) => void = () => {};
	readonly #turnstile = new Turnstile();
	readonly #threads: Thread[];
	readonly #signal: AbortSignal | undefined;
	#closed: Promise<void> | undefined;

	constructor({ url, size, workerData, signal }: PoolOptions) {
		this.#signal = signal;
		this.#threads = Array.from({ length: size }, () =>
			this.#start(new Worker(url, { workerData, resourceLimits })),
		);
		if (signal?.aborted) this.#abort();
		else signal?.addEventListener("abort", this.#abort, { once: true });
	}

	get size(): number {
		return this.#threads.length;
	}

	async submit(
		task: Task,
		transfer: readonly ArrayBuffer[] = [],
	): Promise<void> {
		await this.#turnstile.until(() => this.#idlest().pending < tasksPerThread);
		this.#give(this.#idlest(), task, transfer);
	}

	async submitToEach(task: () => Task): Promise<void> {
		this.#turnstile.check();
		for (const thread of this.#threads) this.#give(thread, task(), []);
	}

	idle(): Promise<void> {
		const isIdle = () => this.#threads.every(({ pending }) => pending === 0);
		return this.#turnstile.until(isIdle);
	}

	close(): Promise<void> {
		this.#closed ??= this.#close();
		return this.#closed;
	}

	async #close(): Promise<void> {
		this.#signal?.removeEventListener("abort", this.#abort);
		this.#turnstile.fail(new Error("the pool is closed"));
		const stop: Order = { stop: true };
		for (const { worker } of this.#threads) worker.postMessage(stop);
		await Promise.all(this.#threads.map(({ gone }) => gone));
	}

	readonly #abort = (): void => {
		this.#turnstile.fail(this.#signal?.reason);
		for (const { worker } of this.#threads) void worker.terminate();
	};

	#start(worker: Worker): Thread {
		const gone = new Promise<void>((resolve) => {
			worker.once("exit", (code) => {
				const early = `a worker thread ended with code ${code} before its time`;
				if (this.#closed === undefined) this.#turnstile.fail(new Error(early));
				resolve();
			});
		});
		const thread: Thread = { worker, gone, pending: 0 };
		worker.on("message", (message: Message) => this.#take(thread, message));
		const crash = (cause: unknown) =>
			this.#turnstile.fail(new Error("a worker thread crashed", { cause }));
		worker.on("error", crash);
		worker.on("messageerror", crash);
		return thread;
	}

	#give(thread: Thread, task: Task, transfer: readonly ArrayBuffer[]): void {
		const order: Order = { task };
		thread.worker.postMessage(order, transfer);
		thread.pending++;
	}

	#take(thread: Thread, message: Message): void {
		thread.pending--;
		if ("failure" in message) this.#turnstile.fail(fromWire(message.failure));
		else this.#turnstile.run(() => this.onReply(message.reply as Reply));
		this.#turnstile.wake();
	}

	#idlest(): Thread {
		return this.#threads.reduce((a, b) => (b.pending < a.pending ? b : a));
	}
}

/** The same in this thread: each task is run when it is submitted, with a turn of the event loop between two. */
export function inlinePool<Task, Reply>(
	server: Server<Task, Reply>,
	{ signal }: { readonly signal?: AbortSignal | undefined } = {},
): Pool<Task, Reply> {
	return new InlinePool(server, signal);
}

class InlinePool<Task, Reply> implements Pool<Task, Reply> {
	readonly size = 1;
	onReply: (reply: Reply) => void = () => {};
	readonly #turnstile = new Turnstile();
	readonly #server: Server<Task, Reply>;
	readonly #signal: AbortSignal | undefined;
	#pending = 0;
	#closed = false;

	constructor(server: Server<Task, Reply>, signal: AbortSignal | undefined) {
		this.#server = server;
		this.#signal = signal;
	}

	async submit(task: Task): Promise<void> {
		this.#check();
		this.#pending++;
		await new Promise((resolve) => setImmediate(resolve));
		if (this.#signal?.aborted) this.#turnstile.fail(this.#signal.reason);
		this.#turnstile.run(() => this.onReply(this.#server.run(task).reply));
		this.#pending--;
		this.#turnstile.wake();
		this.#turnstile.check();
	}

	submitToEach(task: () => Task): Promise<void> {
		return this.submit(task());
	}

	async idle(): Promise<void> {
		this.#check();
		return this.#turnstile.until(() => this.#pending === 0);
	}

	async close(): Promise<void> {
		if (this.#closed) return;
		this.#closed = true;
		this.#turnstile.fail(new Error("the pool is closed"));
		this.#server.close?.();
	}

	#check(): void {
		this.#turnstile.check();
		this.#signal?.throwIfAborted();
	}
}
