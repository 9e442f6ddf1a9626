import { ConflictError } from "@varve/format";
import { expect, test } from "vitest";
import type { VerbEvent } from "../../packages/core/src/events.ts";
import { retryLocked } from "../../packages/core/src/retry-locked.ts";
import { FakeTimer } from "./fake-timer.ts";

function setUp(timesLocked: number, code = "LOCKED") {
	const timer = new FakeTimer(0);
	const events: VerbEvent[] = [];
	let tries = 0;
	const work = async () => {
		tries++;
		if (tries > timesLocked) return "done";
		throw new ConflictError(code, "another gc is at work");
	};
	const observer = {
		on: (event: VerbEvent) => void events.push(event),
		detail: false,
	};
	const began = timer.uptime();
	return {
		repository: { timer, observer },
		events,
		work,
		tries: () => tries,
		waited: () => timer.uptime() - began,
	};
}

test("what is locked is tried again at growing intervals until it is free, and said once", async () => {
	const { work, repository, waited, events } = setUp(4);
	expect(await retryLocked(work, { repository, retryFor: 60_000 })).toBe(
		"done",
	);
	expect(waited()).toBe(1_000 + 2_000 + 4_000 + 8_000);
	expect(events.map(({ type }) => type)).toEqual([
		"warning",
		"trace",
		"trace",
		"trace",
	]);
});

test("what stays locked is tried a last time at the end, and fails as it failed", async () => {
	const { work, repository, waited, tries } = setUp(1000);
	await expect(
		retryLocked(work, { repository, retryFor: 10_000 }),
	).rejects.toMatchObject({ code: "LOCKED" });
	expect(waited()).toBe(10_000);
	expect(tries()).toBe(5);
});

test.each([0, undefined])(
	"without a time to wait there is one try (%s)",
	async (retryFor) => {
		const { work, repository, tries } = setUp(1000);
		await expect(retryLocked(work, { repository, retryFor })).rejects.toThrow();
		expect(tries()).toBe(1);
	},
);

test("a lease that was lost, or any other failure, is not tried again", async () => {
	const { work, repository, tries } = setUp(1000, "FENCED");
	await expect(
		retryLocked(work, { repository, retryFor: 10_000 }),
	).rejects.toThrow();
	expect(tries()).toBe(1);
});

test("an interruption ends the waiting", async () => {
	const { work, repository } = setUp(1000);
	const signal = AbortSignal.abort(new Error("interrupted"));
	await expect(
		retryLocked(work, { repository, retryFor: 10_000, signal }),
	).rejects.toThrow("interrupted");
});
