import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { displayWidth } from "../../packages/cli/src/display-width.ts";
import {
	progressLine,
	shareDone,
	timeLeft,
} from "../../packages/cli/src/progress.ts";

const step = {
	phase: "reading",
	files: 1234,
	bytes: 512 * 1024 * 1024,
	totalFiles: 5000,
	totalBytes: 1024 * 1024 * 1024,
	fraction: undefined,
	current: "/usr/share/doc/some/very/long/path/to/a/file.txt",
	errors: 0,
};
const unknown = { ...step, totalFiles: undefined, totalBytes: undefined };

describe("progressLine", () => {
	test("shows share, files, bytes, rate, time left and path", () => {
		expect(progressLine({ step, elapsed: 4000 }, 120)).toBe(
			"[##########          ]  50 %  1,234 of 5,000 files  512 MiB of 1.0 GiB  128 MiB/s  0:04 left  …y/long/path/to/a/file.txt",
		);
	});

	test("shows the phase and the time that has passed while no total is known", () => {
		expect(progressLine({ step: unknown, elapsed: 4000 }, 60)).toBe(
			"reading  1,234 files  512 MiB  128 MiB/s  0:04  …/a/file.txt",
		);
	});

	test("leaves out the bar and the path where there is no room", () => {
		expect(progressLine({ step, elapsed: 4000 }, 50)).toBe(
			" 50 %  1,234 of 5,000 files  512 MiB of 1.0 GiB  1",
		);
	});

	test("never exceeds the width and shows no control character (T67)", () => {
		const any = fc.record({
			width: fc.integer({ min: 0, max: 200 }),
			current: fc.string({ unit: "binary" }),
			errors: fc.nat(3),
			elapsed: fc.nat(1_000_000),
		});
		fc.assert(
			fc.property(any, ({ width, current, errors, elapsed }) => {
				const line = progressLine(
					{ step: { ...step, current, errors }, elapsed },
					width,
				);
				expect(displayWidth(line)).toBeLessThanOrEqual(width);
				expect(line).not.toMatch(/\p{Cc}/u);
			}),
		);
	});
});

describe("shareDone", () => {
	test.each([
		[{ ...step, fraction: 0.25 }, 0.25],
		[step, 0.5],
		[{ ...step, totalBytes: undefined, files: 2500 }, 0.5],
		[{ ...step, bytes: 2 ** 40 }, 1],
		[{ ...step, totalBytes: 0, totalFiles: 0 }, undefined],
		[unknown, undefined],
	])("takes the best that is known: case %#", (given, share) => {
		expect(shareDone(given)).toBe(share);
	});
});

describe("timeLeft", () => {
	test("goes on as before", () => {
		const given = { ...step, fraction: 0.25 };
		expect(timeLeft({ step: given, elapsed: 1000 })).toBe(3000);
	});

	test("is unknown at the start", () => {
		expect(timeLeft({ step: { ...step, fraction: 0 }, elapsed: 9 })).toBe(
			undefined,
		);
		expect(timeLeft({ step, elapsed: 0 })).toBe(undefined);
		expect(timeLeft({ step: unknown, elapsed: 1000 })).toBe(undefined);
	});
});
