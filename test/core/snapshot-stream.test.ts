import { readdirSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, test } from "vitest";
import type { SourceStream } from "../../packages/core/src/snapshot/options.ts";
import { lateClock, take, workplace } from "./snapshot-workplace.ts";

const place = workplace("stream");
const never = new Promise<never>(() => {});

async function* parts(then: () => Promise<void>) {
	yield new TextEncoder().encode("a part");
	await then();
}

describe("an abort of a snapshot of a stream", () => {
	async function expectEnded(
		stream: SourceStream,
		controller: AbortController,
	) {
		const repository = await place.repository({ clock: lateClock });
		const { signal } = controller;
		await expect(
			take(repository, "/", { roots: [], stream, signal }),
		).rejects.toThrow("stop");
		for (const folder of ["snapshots", "leases", "tmp"])
			expect(readdirSync(join(repository.location, folder))).toEqual([]);
	}

	test("ends it while the stream is silent", async () => {
		const controller = new AbortController();
		const bytes = parts(() => {
			setImmediate(() => controller.abort(new Error("stop")));
			return never;
		});
		const done = Promise.resolve();
		await expectEnded({ name: "dump", bytes, done }, controller);
	});

	test("ends it while what produced the stream has not ended yet", async () => {
		const controller = new AbortController();
		const bytes = parts(async () => {
			setImmediate(() => controller.abort(new Error("stop")));
		});
		await expectEnded({ name: "dump", bytes, done: never }, controller);
	});
});
