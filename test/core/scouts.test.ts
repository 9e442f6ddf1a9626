import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import {
	ByteWriter,
	beginScanPiece,
	encodeName,
	encodeScanBlock,
	wholeScope,
} from "@varve/format";
import { describe, expect, test } from "vitest";
import type { Crew } from "../../packages/core/src/repository.ts";
import { readListing } from "../../packages/core/src/snapshot/directory-listing.ts";
import { portableReader } from "../../packages/core/src/snapshot/directory-reader.ts";
import { createFilter } from "../../packages/core/src/snapshot/exclude.ts";
import { PreviousScan } from "../../packages/core/src/snapshot/previous.ts";
import { Scouts } from "../../packages/core/src/snapshot/scouts.ts";
import { createSourceFs } from "../../packages/core/src/snapshot/source-fs.ts";
import {
	enterDirectory,
	type WalkParts,
} from "../../packages/core/src/snapshot/walk.ts";

/** Takes tasks and never replies, until it fails. */
function silentCrew() {
	const tasks: { paths: readonly string[] }[] = [];
	let fail: (error: Error) => void = () => {};
	const failing = new Promise<void>((_, reject) => {
		fail = reject;
	});
	const crew: Crew = {
		size: 2,
		onReply: () => {},
		submit: async (task) => void tasks.push(task as (typeof tasks)[number]),
		submitToEach: async () => {},
		idle: () => failing,
		close: async () => {},
	};
	return { crew, tasks, fail };
}

function scanOf(paths: readonly (readonly [number, string, number?])[]) {
	const writer = new ByteWriter(1024);
	beginScanPiece(writer);
	for (const [root, path, count = 1] of paths)
		encodeScanBlock(writer, {
			root,
			path: encodeName(path),
			page: 0,
			count,
			names: encodeName(
				Array.from({ length: count }, (_, i) => `${10_000 + i}`).join("\0"),
			),
			rows: new Uint8Array(44 * count),
		});
	return new PreviousScan([writer.finish()]);
}

describe("scouts", () => {
	test("that fail after they took a task fail whoever waits for it", async () => {
		const { crew, fail } = silentCrew();
		const scouts = new Scouts({
			crew,
			previous: scanOf([[0, "sub"]]),
			roots: ["/top/"],
			racyFrom: 0n,
		});
		const waiting = scouts.arrived("/top/sub/");
		fail(new Error("a worker thread crashed"));
		await expect(waiting).rejects.toThrow("a worker thread crashed");
		await expect(scouts.arrived("/top/sub/")).rejects.toThrow("crashed");
	});

	test("leave the roots to the walk, which begins with them", () => {
		const { crew, tasks } = silentCrew();
		new Scouts({
			crew,
			previous: scanOf([
				[0, ""],
				[0, "asked-for"],
				[1, ""],
				[1, "below"],
			]),
			roots: ["/etc/", "/"],
			racyFrom: 0n,
		});
		expect(tasks.flatMap(({ paths }) => paths)).toEqual([
			"/etc/asked-for/",
			"/below/",
		]);
	});

	test("go on when the walk has passed by directories that are gone", () => {
		const { crew: small, tasks } = silentCrew();
		const crew = { ...small, size: 100 };
		const gone = Array.from({ length: 9 }, (_, i) => `gone${i}`);
		const previous = scanOf([
			...gone.map((path) => [0, path, 4096] as const),
			[0, "here"],
			[0, "later"],
		]);
		const scouts = new Scouts({
			crew,
			previous,
			roots: ["/top/"],
			racyFrom: 0n,
		});
		const asked = () => tasks.flatMap(({ paths }) => paths);
		const all = asked();
		expect(all).toEqual(gone.slice(0, 8).map((path) => `/top/${path}/`));
		const reply = (path: string) =>
			crew.onReply({ directories: [{ path, reason: "ENOENT" }] });
		reply("/top/gone0/");
		expect(asked()).toEqual(all);
		previous.take(0, "here");
		expect(scouts.take("/top/here/")).toBeUndefined();
		expect(asked()).toEqual([...all, "/top/later/"]);
		reply("/top/gone1/");
		expect(scouts.take("/top/gone1/")).toBeUndefined();
		previous.take(0, "later");
		reply("/top/later/");
		expect(() => scouts.take("/top/later/")).toThrow("cannot list");
	});

	test("whose listing has more than was asked for are not believed", () => {
		const folder = mkdtempSync(join(tmpdir(), "varve-scouts-"));
		writeFileSync(join(folder, "wanted"), "");
		writeFileSync(join(folder, "private"), "");
		const path = `${folder}/`;
		const fs = createSourceFs();
		const filter = createFilter(wholeScope, fs);
		const listing = readListing(portableReader(fs), {
			path,
			only: undefined,
			racyFrom: 0n,
		});
		const ignore = () => {};
		const entrance = {
			parent: undefined,
			indexInParent: 0,
			root: 0,
			path,
			relative: "",
			rules: filter.above({ path: folder, kind: "entries" }),
		};
		const parts: WalkParts = {
			fs,
			reader: portableReader(fs),
			filter,
			previous: () => undefined,
			scan: { slot: () => ({ block: undefined }) } as never,
			sink: {
				linked: ignore,
				unreadable: ignore,
				excluded: ignore,
				vanished: ignore,
			},
			scouted: () => listing,
			racyFrom: 0n,
			deviceOf: () => undefined,
			avoid: new Set(),
		};
		const names = (only: readonly string[] | undefined) => {
			const entered = enterDirectory({ ...entrance, only }, parts);
			return typeof entered === "string" ? entered : entered.names;
		};
		expect(names(["wanted"])).toEqual(["wanted"]);
		expect(names(undefined)).toEqual(["private", "wanted"]);
		rmSync(folder, { recursive: true });
	});
});
