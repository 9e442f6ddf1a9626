import { inlinePool, type Pool, startPool } from "@varve/kernel";
import { afterEach, describe, expect, test } from "vitest";
import { testServer } from "./pool-server.mjs";

interface Task {
	readonly do: string;
	readonly n?: number;
	readonly buffer?: ArrayBuffer;
}

interface Settings {
	readonly gate?: Int32Array;
	readonly broken?: boolean;
	readonly signal?: AbortSignal;
	readonly size?: number;
}

const open: Pool<Task, unknown>[] = [];

afterEach(async () => {
	await Promise.all(open.splice(0).map((pool) => pool.close()));
});

function threads({ signal, size = 2, ...workerData }: Settings = {}) {
	const url = new URL("./pool-thread.mjs", import.meta.url);
	return keep(startPool<Task, unknown>({ url, size, workerData, signal }));
}

function inline({ signal, ...settings }: Settings = {}) {
	return keep(inlinePool<Task, unknown>(testServer(settings), { signal }));
}

function keep(pool: Pool<Task, unknown>): Pool<Task, unknown> {
	open.push(pool);
	return pool;
}

function collect(pool: Pool<Task, unknown>): unknown[] {
	const replies: unknown[] = [];
	pool.onReply = (reply) => replies.push(reply);
	return replies;
}

function newGate(): Int32Array {
	return new Int32Array(new SharedArrayBuffer(12));
}

function openGate(gate: Int32Array): void {
	Atomics.store(gate, 0, 1);
	Atomics.notify(gate, 0);
}

/** Until so many tasks wait at the gate. */
async function waiting(gate: Int32Array, count: number): Promise<void> {
	for (
		let there = Atomics.load(gate, 1);
		there < count;
		there = Atomics.load(gate, 1)
	) {
		const { value } = Atomics.waitAsync(gate, 1, there);
		await value;
	}
}

describe.each([
	["threads", threads],
	["inline", inline],
] as const)("pool of %s", (_name, start) => {
	test("replies to each task once", async () => {
		const pool = start();
		const replies = collect(pool);
		const numbers = Array.from({ length: 500 }, (_, n) => n);
		for (const n of numbers) await pool.submit({ do: "square", n });
		await pool.idle();
		expect(replies.map(Number).sort((a, b) => a - b)).toEqual(
			numbers.map((n) => n * n),
		);
	});

	test("is idle only when tasks that nobody waited for are done", async () => {
		const pool = start();
		const replies = collect(pool);
		const submitted = [1, 2, 3, 4, 5, 6].map((n) =>
			pool.submit({ do: "square", n }),
		);
		await Promise.all(submitted);
		await pool.idle();
		expect(replies).toHaveLength(6);
	});

	test("gives buffers away and takes them back", async () => {
		const pool = start();
		const replies = collect(pool);
		const { buffer } = Uint8Array.of(1, 2, 3);
		await pool.submit({ do: "double bytes", buffer }, [buffer]);
		await pool.idle();
		expect(replies).toEqual([Uint8Array.of(2, 4, 6)]);
	});

	test("gives each thread a task behind those it had before", async () => {
		const pool = start();
		for (let n = 0; n < 4 * pool.size; n++)
			await pool.submit({ do: "square", n });
		await pool.idle();
		const replies = collect(pool);
		await pool.submitToEach(() => ({ do: "list", n: 99 }));
		await pool.idle();
		expect(replies).toHaveLength(pool.size);
		const all = replies.flatMap((seen) => (seen as number[]).slice(0, -1));
		expect(all.sort((a, b) => a - b)).toEqual(
			Array.from({ length: 4 * pool.size }, (_, n) => n),
		);
		expect(replies.every((seen) => (seen as number[]).at(-1) === 99)).toBe(
			true,
		);
	});

	test("fails with the error a task threw: class, code, details and cause", async () => {
		const pool = start();
		const failure = failureOf(pool, { do: "corrupt" });
		await expect(failure).rejects.toMatchObject({
			name: "CorruptError",
			code: "BAD_FRAME",
			message: "a frame is torn",
			details: { at: 7n },
			cause: { name: "RangeError", message: "beyond the end" },
		});
		await expect(pool.submit({ do: "square", n: 1 })).rejects.toThrow(
			"a frame is torn",
		);
		await expect(pool.idle()).rejects.toThrow("a frame is torn");
	});

	test("fails with what onReply throws, and calls it no more", async () => {
		const pool = start();
		let calls = 0;
		pool.onReply = () => {
			calls++;
			throw new Error("cannot take it");
		};
		const both = async () => {
			await pool.submit({ do: "square", n: 1 });
			await pool.submit({ do: "square", n: 2 });
			await pool.idle();
		};
		await expect(both()).rejects.toThrow("cannot take it");
		await pool.close();
		expect(calls).toBe(1);
	});

	test("rejects with the reason of an abort", async () => {
		const reason = new Error("enough");
		const abort = new AbortController();
		const pool = start({ signal: abort.signal });
		await pool.submit({ do: "square", n: 1 });
		abort.abort(reason);
		await expect(pool.submit({ do: "square", n: 2 })).rejects.toBe(reason);
		await expect(pool.idle()).rejects.toBe(reason);
	});

	test("aborted before it starts does nothing", async () => {
		const reason = new Error("never mind");
		const pool = start({ signal: AbortSignal.abort(reason) });
		await expect(pool.submit({ do: "square", n: 2 })).rejects.toBe(reason);
	});

	test("closes each server once, however often it is closed", async () => {
		const gate = newGate();
		const pool = start({ gate });
		await pool.submit({ do: "square", n: 1 });
		await Promise.all([pool.close(), pool.close()]);
		await pool.close();
		expect(Atomics.load(gate, 2)).toBe(pool.size);
		await expect(pool.submit({ do: "square", n: 1 })).rejects.toThrow("closed");
	});
});

async function failureOf(pool: Pool<Task, unknown>, task: Task): Promise<void> {
	await pool.submit(task);
	await pool.idle();
}

async function untilFailure(pool: Pool<Task, unknown>): Promise<never> {
	for (;;) await failureOf(pool, { do: "square", n: 1 });
}

describe("pool of threads", () => {
	test("takes two tasks for each thread, and the next when one of them is done", async () => {
		const gate = newGate();
		const pool = threads({ gate });
		const replies = collect(pool);
		for (let n = 0; n < 4; n++) await pool.submit({ do: "wait" });
		let isTaken = false;
		const fifth = pool.submit({ do: "square", n: 5 }).then(() => {
			isTaken = true;
		});
		await waiting(gate, 2);
		expect(isTaken).toBe(false);
		openGate(gate);
		await fifth;
		await pool.idle();
		expect(replies).toHaveLength(5);
	});

	test("a buffer that was given away is gone", async () => {
		const pool = threads();
		const { buffer } = new Uint8Array(10);
		await pool.submit({ do: "double bytes", buffer }, [buffer]);
		expect(buffer.byteLength).toBe(0);
	});

	test("a task that cannot be sent is refused and leaves the pool as it was", async () => {
		const pool = threads({ size: 1 });
		const replies = collect(pool);
		const wrong = { do: "square", n: 1, call: () => {} };
		await expect(pool.submit(wrong)).rejects.toThrow("could not be cloned");
		await pool.submit({ do: "square", n: 3 });
		await pool.idle();
		expect(replies).toEqual([9]);
	});

	test("an abort ends threads in the middle of a task", async () => {
		const gate = newGate();
		const abort = new AbortController();
		const pool = threads({ gate, signal: abort.signal });
		for (let n = 0; n < 2; n++) await pool.submit({ do: "wait" });
		await waiting(gate, 2);
		abort.abort(new Error("enough"));
		await pool.close();
		await expect(pool.idle()).rejects.toThrow("enough");
		expect(Atomics.load(gate, 2)).toBe(0);
	});

	test("a thread that ends by itself fails the pool", async () => {
		const pool = threads();
		await expect(failureOf(pool, { do: "exit" })).rejects.toThrow(
			"ended with code 3 before its time",
		);
	});

	test("a thread that crashes fails the pool with the cause", async () => {
		const pool = threads({ size: 1 });
		await pool.submit({ do: "crash" });
		const failure = untilFailure(pool);
		await expect(failure).rejects.toMatchObject({
			message: "a worker thread crashed",
			cause: { message: "thrown outside of a task" },
		});
	});

	test("a thread that cannot start fails the pool with the cause", async () => {
		const pool = threads({ broken: true });
		await expect(failureOf(pool, { do: "square", n: 1 })).rejects.toMatchObject(
			{
				cause: { message: "broken from the start" },
			},
		);
		await pool.close();
	});
});

describe("inline pool", () => {
	test("lets the event loop turn between two tasks", async () => {
		const pool = inline();
		let turns = 0;
		const turning = setInterval(() => turns++, 0);
		const before = turns;
		for (let i = 0; turns === before && i < 1e6; i++)
			await pool.submit({ do: "square", n: i });
		clearInterval(turning);
		expect(turns).toBeGreaterThan(before);
	});
});
