import { setTimeout as pause } from "node:timers/promises";
import type { Timer } from "./ports.ts";

/** The operating system's. */
export const systemTimer: Timer = {
	after(delay, call) {
		const timeout = setTimeout(call, delay).unref();
		return () => clearTimeout(timeout);
	},
	async sleep(delay, signal) {
		signal?.throwIfAborted();
		try {
			await pause(delay, undefined, { signal });
		} catch (error) {
			// Node gives its own AbortError, with the reason as cause.
			throw signal?.aborted === true ? signal.reason : error;
		}
	},
	// On Linux CLOCK_MONOTONIC: counted from the start of the machine, the same in all its processes.
	uptime: () => Number(process.hrtime.bigint() / 1_000_000n),
};
