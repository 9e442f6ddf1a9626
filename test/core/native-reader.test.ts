import { execFileSync } from "node:child_process";
import { once } from "node:events";
import {
	chmodSync,
	linkSync,
	mkdirSync,
	mkdtempSync,
	rmSync,
	symlinkSync,
	truncateSync,
	writeFileSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { Worker } from "node:worker_threads";
import { encodeName } from "@varve/format";
import fc from "fast-check";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { loadNativeCalls } from "../../packages/core/src/restore/native-times.ts";
import { readListing } from "../../packages/core/src/snapshot/directory-listing.ts";
import { portableReader } from "../../packages/core/src/snapshot/directory-reader.ts";
import { nativeReader } from "../../packages/core/src/snapshot/native-reader.ts";
import { createSourceFs } from "../../packages/core/src/snapshot/source-fs.ts";

const native = nativeReader();
const portable = portableReader(createSourceFs());
const calls = loadNativeCalls();

describe.skipIf(native === undefined)("the native reader", () => {
	let folder: string;
	beforeAll(() => {
		folder = `${mkdtempSync(join(tmpdir(), "varve-reader-"))}/`;
	});
	afterAll(() => rmSync(folder, { recursive: true }));

	const list = (path: string, racyFrom = 0n, only?: readonly string[]) =>
		[native, portable].map((reader) =>
			readListing(reader as typeof portable, { path, only, racyFrom }),
		);

	test("says what Node says, of entries of every kind and names of any bytes", () => {
		const here = `${folder}kinds/`;
		mkdirSync(join(here, "directory"), { recursive: true });
		writeFileSync(join(here, "file"), "content");
		linkSync(join(here, "file"), join(here, "link"));
		symlinkSync("nowhere", join(here, "symlink"));
		writeFileSync(join(here, "sparse"), "");
		truncateSync(join(here, "sparse"), 10_000_000_000_000);
		execFileSync("mkfifo", [join(here, "fifo")]);
		chmodSync(join(here, "fifo"), 0o1777);
		writeFileSync(join(here, "ä€😀"), "");
		writeFileSync(Buffer.from(`${here}bad\xff`, "latin1"), "");
		writeFileSync(join(here, "\ufffd"), "");
		const [ours, theirs] = list(here);
		expect(ours).toEqual(theirs);
		expect(ours?.names).toHaveLength(9);
		expect(ours?.odd.length).toBeGreaterThan(2);
	});

	test("says what Node says of devices and other file systems", () => {
		const [ours, theirs] = list("/dev/");
		expect(ours).toEqual(theirs);
		expect(ours?.odd.some(({ node }) => node !== 0)).toBe(true);
		const roots = list("/");
		expect(roots[0]).toEqual(roots[1]);
	});

	test("reads a directory of many entries whole", () => {
		const here = `${folder}many/`;
		mkdirSync(here);
		const names = Array.from({ length: 9000 }, (_, i) =>
			`${i}`.padEnd(60, "x"),
		);
		for (const name of names) writeFileSync(here + name, "");
		expect(native?.open(here)).toEqual(names.toSorted());
		native?.close();
	});

	test("names the code of what it cannot do", () => {
		expect(() => native?.open(`${folder}absent/`)).toThrow(
			expect.objectContaining({ code: "ENOENT" }),
		);
		writeFileSync(`${folder}plain`, "");
		expect(() => native?.open(`${folder}plain`)).toThrow(
			expect.objectContaining({ code: "ENOTDIR" }),
		);
		const [ours, theirs] = list(folder, 0n, ["absent", "bad\udcff", "plain"]);
		expect(ours).toEqual(theirs);
		expect(ours?.failed.map(({ reason }) => reason)).toEqual([
			"ENOENT",
			"ENOENT",
		]);
	});

	test.skipIf(!calls.exact)(
		"gives every time as Node gives it, and knows what is racy",
		() => {
			const path = `${folder}times/`;
			mkdirSync(path);
			writeFileSync(`${path}file`, "");
			const seconds = fc.oneof(
				fc.integer({ min: -(2 ** 31), max: 2 ** 33 }),
				fc.constantFrom(-1, 0, -9_223_372_037, 9_223_372_036, 9_223_372_037),
			);
			fc.assert(
				fc.property(
					seconds,
					fc.integer({ min: 0, max: 999_999_999 }),
					fc.bigInt({ min: -(2n ** 62n), max: 2n ** 62n }),
					(second, nanosecond, racyFrom) => {
						calls.setPathTime(`${path}file`, second, nanosecond);
						const [ours, theirs] = list(path, racyFrom);
						expect(ours).toEqual(theirs);
					},
				),
			);
		},
	);

	test("is quiet in a worker thread, where Node counts descriptors", async () => {
		const code = `
			import { parentPort } from "node:worker_threads";
			import { nativeReader } from ${JSON.stringify(new URL("../../packages/core/dist/snapshot/native-reader.js", import.meta.url).href)};
			const warnings = [];
			process.on("warning", ({ message }) => warnings.push(message));
			const reader = nativeReader();
			reader.open("/");
			reader.close();
			setImmediate(() => parentPort.postMessage(warnings));
		`;
		const worker = new Worker(
			new URL(`data:text/javascript,${encodeURIComponent(code)}`),
		);
		expect((await once(worker, "message"))[0]).toEqual([]);
	});

	test("finds a name by its bytes", () => {
		expect(encodeName("bad\udcff")).toEqual(
			Uint8Array.from([0x62, 0x61, 0x64, 0xff]),
		);
		expect(list(`${folder}kinds/`, 0n, ["bad\udcff"])[0]?.names).toEqual([
			"bad\udcff",
		]);
	});
});
