import { readFileSync } from "node:fs";
import { join } from "node:path";
import { makeTree } from "@varve/testkit";
import { describe, expect, test } from "vitest";
import { diff } from "../../packages/core/src/query/diff.ts";
import { restore } from "../../packages/core/src/restore/restore.ts";
import { verify } from "../../packages/core/src/verify/verify.ts";
import {
	type Flip,
	flippingKernel,
	poisoningKernel,
	withKernel,
} from "./own-kernel.ts";
import { noise, pathsBelow, readingPlace } from "./reading-workplace.ts";
import { take } from "./snapshot-workplace.ts";

const place = readingPlace("memory-faults");

/** Text, which is compressed, and noise, which is not. */
const files = {
	text: "a line of text, and another one\n".repeat(700),
	noise: noise(30_000, 1),
	b: { c: "small", d: noise(5000, 2), zeros: Buffer.alloc(100_000) },
};

function source(): string {
	const folder = place.fresh("source");
	makeTree(folder, files);
	return folder;
}

describe("a bit that flips in memory while a snapshot is taken (T41)", () => {
	const places: Flip["at"][] = [
		"content",
		"compressed",
		"pack before its checksum",
		"pack on its way to the disk",
		"ids in the directory",
	];
	const cases = places.flatMap((at) =>
		[0, 1, 2, 3, 5].map((occasion): [Flip["at"], number] => [at, occasion]),
	);

	test.each(cases)(
		"is found before the commit by --paranoid: %s, occasion %i",
		async (at, occasion) => {
			const folder = source();
			const whole = await place.repository();
			const kernel = flippingKernel(whole, { at, occasion });
			const taken = take(withKernel(whole, kernel), folder, {
				paranoid: true,
			}).then(
				() => "committed",
				(error: { code: string }) => error.code,
			);
			const outcome = await taken;
			if (!kernel.flipped()) expect(outcome).toBe("committed");
			else {
				expect(["MEMORY_FAULT", "CAME_BACK_DIFFERENT"]).toContain(outcome);
				expect(await whole.backend.list("snapshots")).toEqual([]);
			}
			// What a run with a fault has left hurts no later one.
			await take(whole, folder);
			const report = await verify(whole, { level: "data" });
			expect(report.findings).toEqual([]);
		},
	);

	test("flips in each of these places in some case, so that none is left out", async () => {
		for (const at of places) {
			const repository = await place.repository();
			const kernel = flippingKernel(repository, { at, occasion: 0 });
			await take(withKernel(repository, kernel), source(), {
				paranoid: true,
			}).catch(() => {});
			expect({ at, flipped: kernel.flipped() }).toEqual({ at, flipped: true });
		}
	});

	test("without --paranoid is no wrong content later: what it cost is named", async () => {
		const folder = source();
		const whole = await place.repository();
		const kernel = flippingKernel(whole, { at: "content", occasion: 0 });
		await take(withKernel(whole, kernel), folder);
		const { findings } = await verify(whole, { level: "data" });
		expect(findings.map(({ code }) => code)).toContain("BAD_CHUNK");
	});
});

describe("buffers that are poisoned once they are given back (T42)", () => {
	test("change nothing in what is stored, read, compared, restored and verified", async () => {
		const folder = source();
		const plain = await place.repository();
		const repository = await place.repository();
		const poisoned = withKernel(repository, poisoningKernel(repository));
		const expected = await take(plain, folder);
		const first = await take(poisoned, folder, { paranoid: true });
		expect(first.record.roots).toEqual(expected.record.roots);
		makeTree(folder, { b: { c: "changed" }, e: noise(7000, 3) });
		const second = await take(poisoned, folder);
		expect((await take(plain, folder)).record.roots).toEqual(
			second.record.roots,
		);
		const snapshots = [first, second].map(({ id, record }) => ({
			id: id as NonNullable<typeof id>,
			record,
			tags: [],
			pin: false,
			note: "",
			expires: undefined,
			forgotten: false,
		}));
		const target = place.fresh("target");
		const report = await restore(poisoned, {
			snapshot: snapshots[1] as never,
			target,
			subpath: folder,
			verify: true,
		});
		expect(report.problems).toEqual([]);
		for (const path of ["text", "noise", "b/c", "b/d", "b/zeros", "e"])
			expect(readFileSync(join(target, path))).toEqual(
				readFileSync(join(folder, path)),
			);
		expect(pathsBelow(target)).toEqual(pathsBelow(folder));
		const changed: string[] = [];
		const [from, to] = snapshots.map((snapshot) => ({
			snapshot,
			path: folder,
		}));
		for await (const item of diff(poisoned, { from, to } as never))
			if (item.type === "change") changed.push(item.path);
		expect(changed.sort()).toEqual([join(folder, "b/c"), join(folder, "e")]);
		for (const level of ["structure", "data", "restore-sim"] as const)
			expect((await verify(poisoned, { level })).findings).toEqual([]);
	});
});
