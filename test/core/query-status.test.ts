import {
	chmodSync,
	lstatSync,
	mkdirSync,
	mkdtempSync,
	readFileSync,
	realpathSync,
	renameSync,
	rmSync,
	symlinkSync,
	truncateSync,
	utimesSync,
	writeFileSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { type Scope, wholeScope } from "@varve/format";
import { createMemoryBackend } from "@varve/store";
import { clearXattrs, setXattrs } from "@varve/testkit";
import { afterEach, beforeEach, describe, expect, test } from "vitest";
import { initRepository } from "../../packages/core/src/compose.ts";
import { listSnapshots } from "../../packages/core/src/query/list-snapshots.ts";
import {
	type StatusRequest,
	type StatusResult,
	status,
} from "../../packages/core/src/query/status.ts";
import type { Repository } from "../../packages/core/src/repository.ts";
import { snapshot } from "../../packages/core/src/snapshot/snapshot.ts";
import { resolveSources } from "../../packages/core/src/snapshot/sources.ts";

let folder: string;
let repository: Repository;

beforeEach(async () => {
	folder = realpathSync(mkdtempSync(join(tmpdir(), "varve-status-")));
	// An hour ahead, so that what was just made is old enough to be vouched for.
	const clock = { now: () => Date.now() + 3_600_000, offsetMinutes: () => 0 };
	const location = createMemoryBackend();
	repository = await initRepository({ location, workers: 0, clock });
});
afterEach(async () => {
	await repository.close();
	rmSync(folder, { recursive: true });
});

const at = (path: string) => join(folder, path);

function write(files: Readonly<Record<string, string>>): void {
	for (const [path, text] of Object.entries(files)) {
		mkdirSync(join(at(path), ".."), { recursive: true });
		writeFileSync(at(path), text);
	}
}

async function take(words: string[] = ["."], scope: Partial<Scope> = {}) {
	const sources = await resolveSources({ words, cwd: folder });
	await snapshot(repository, {
		...sources,
		scope: { ...wholeScope, ...scope },
	});
}

async function compare(request: Partial<StatusRequest> = {}) {
	const taken = (await listSnapshots(repository)).at(-1);
	if (taken === undefined) throw new Error("no snapshot");
	const items: StatusResult[] = [];
	for await (const item of status(repository, { snapshot: taken, ...request }))
		items.push(item);
	const lines = items.flatMap((item) => {
		if (item.type === "statistics") return [];
		const path = item.path.slice(folder.length + 1);
		return item.type === "change"
			? [`${item.modifier} ${path}`]
			: [`${item.reason} ${path}`];
	});
	return { items, lines, sums: items.at(-1) };
}

/** Runs as somebody who has no rights here. */
async function unprivileged<T>(work: () => Promise<T>): Promise<T> {
	const isRoot = process.geteuid?.() === 0;
	if (isRoot) process.seteuid?.(65_534);
	try {
		return await work();
	} finally {
		if (isRoot) process.seteuid?.(0);
	}
}

describe("status", () => {
	test("nothing is said of what is as it was, and nothing of it is read", async () => {
		write({ a: "a", "d/b": "b", "d/e/c": "" });
		symlinkSync("a", at("link"));
		await take();
		const { lines, sums } = await compare({ metadata: true });
		expect(lines).toEqual([]);
		expect(sums).toEqual({
			type: "statistics",
			same: 7,
			added: 0,
			removed: 0,
			modified: 0,
			metadata: 0,
			unreadable: 0,
			filesRead: 0,
			bytesRead: 0,
		});
	});

	test("each kind of change has its letter", async () => {
		write({
			gone: "x",
			size: "one",
			same: "same",
			mode: "m",
			touched: "t",
			kind: "k",
			"d/in": "i",
			"old/f": "f",
		});
		symlinkSync("a", at("link"));
		utimesSync(at("same"), 1000, 1000);
		await take();
		write({ added: "x", size: "three", "d/new/n": "n" });
		rmSync(at("gone"));
		rmSync(at("old"), { recursive: true });
		rmSync(at("kind"));
		mkdirSync(at("kind"));
		rmSync(at("link"));
		symlinkSync("b", at("link"));
		chmodSync(at("mode"), 0o600);
		utimesSync(at("touched"), 1, 1);
		write({ same: "SAME" });
		utimesSync(at("same"), 1000, 1000);
		const { lines } = await compare();
		const changes = [
			"+ added",
			"+ d/new",
			"+ d/new/n",
			"- gone",
			"T kind",
			"M link",
			"- old",
			"- old/f",
			"M? same",
			"M size",
		];
		expect(lines).toEqual(changes);
		const all = await compare({ metadata: true });
		expect(all.lines.filter((line) => !changes.includes(line))).toEqual([
			"U mode",
			"U touched",
		]);
		expect(
			all.items.find(
				(item) => item.type === "change" && item.path === at("size"),
			),
		).toMatchObject({
			before: { size: 3 },
			after: { size: 5 },
		});
		expect(all.sums).toMatchObject({
			added: 3,
			removed: 3,
			modified: 4,
			metadata: 2,
		});
	});

	test("a change of extended attributes alone is one of metadata", async () => {
		write({ a: "a", b: "b", "d/e": "e" });
		const one = { name: "user.varve", value: new Uint8Array([1]) };
		if (setXattrs([{ path: at("a"), ...one }]) !== undefined) return;
		await take();
		expect((await compare({ metadata: true })).lines).toEqual([]);
		setXattrs([
			{ path: at("a"), ...one, value: new Uint8Array([2]) },
			{ path: at("d"), ...one },
		]);
		clearXattrs([at("b")]);
		const { items, lines } = await compare({ metadata: true });
		expect(lines).toEqual(["U a", "U d"]);
		expect(items[0]).toMatchObject({ changes: ["xattrs"] });
		expect((await compare()).lines).toEqual([]);
		await take();
		expect((await compare({ metadata: true })).lines).toEqual([]);
	});

	test("content is compared where the scan state does not vouch for it", async () => {
		write({ a: "same", b: "same" });
		await take();
		// Another file in its place, alike in all that a snapshot keeps.
		const { atime, mtime } = lstatSync(at("a"));
		writeFileSync(at("a.new"), readFileSync(at("a")));
		utimesSync(at("a.new"), atime, mtime);
		renameSync(at("a.new"), at("a"));
		const { lines, sums } = await compare({ metadata: false });
		expect(lines).toEqual([]);
		expect(sums).toMatchObject({ filesRead: 1, bytesRead: 4 });
		const all = await compare({ readAll: true });
		expect(all.sums).toMatchObject({ filesRead: 2, bytesRead: 8 });
	});

	test("large files and holes are compared to their ends", async () => {
		const megabytes = Buffer.alloc(3_000_000, "0123456789");
		writeFileSync(at("large"), megabytes);
		writeFileSync(at("hole"), "");
		truncateSync(at("hole"), 2_000_000);
		await take();
		utimesSync(at("large"), 1, 1);
		utimesSync(at("hole"), 1, 1);
		expect((await compare()).lines).toEqual([]);
		megabytes[2_999_999] = 0;
		writeFileSync(at("large"), megabytes);
		const holed = Buffer.alloc(2_000_000);
		holed[1_999_999] = 1;
		writeFileSync(at("hole"), holed);
		expect((await compare()).lines).toEqual(["M hole", "M large"]);
		writeFileSync(at("hole"), Buffer.alloc(2_000_000));
		expect((await compare()).lines).toEqual(["M large"]);
	});

	test("what the rules of the snapshot leave out is not new", async () => {
		write({ "d/keep": "k", "d/.varveignore": "*.tmp\n", "d/was.o": "o" });
		await take(["."], { excludes: ["*.o"] });
		write({ "d/a.tmp": "t", "d/b.o": "o", "d/in/c.tmp": "t", "d/in/new": "n" });
		const { lines } = await compare();
		expect(lines).toEqual(["+ d/in", "+ d/in/new"]);
		expect(await compare({ path: "d/in" }).catch((e) => e.code)).toBe(
			"NO_SUCH_PATH",
		);
		expect((await compare({ path: "d" })).lines).toEqual(lines);
	});

	test("of entries taken by name only those are looked at", async () => {
		write({ a: "a", b: "b", c: "c" });
		await take(["a", "b"]);
		write({ a: "longer", d: "d" });
		rmSync(at("b"));
		expect((await compare()).lines).toEqual(["M a", "- b"]);
		expect((await compare({ path: at("a") })).lines).toEqual(["M a"]);
	});

	test("a single file below is compared with the help of the scan state", async () => {
		write({ "d/a": "a", "d/b": "b" });
		await take();
		const { lines, sums } = await compare({ path: "d/b" });
		expect(lines).toEqual([]);
		expect(sums).toMatchObject({ same: 1, filesRead: 0 });
	});

	test("a root that is gone is removed whole", async () => {
		write({ "d/a": "a", "d/e/b": "b" });
		await take(["d"]);
		rmSync(at("d"), { recursive: true });
		const gone = ["- d", "- d/a", "- d/e", "- d/e/b"];
		expect((await compare()).lines).toEqual(gone);
		writeFileSync(at("d"), "a file");
		expect((await compare()).lines).toEqual(["T d", ...gone.slice(1)]);
	});

	test("what cannot be read is said to be so", async () => {
		write({ "d/a": "a", f: "f" });
		await take();
		chmodSync(folder, 0o755);
		chmodSync(at("d"), 0);
		chmodSync(at("f"), 0);
		try {
			const { lines, sums } = await unprivileged(compare);
			expect(lines).toEqual(["EACCES d", "EACCES f"]);
			expect(sums).toMatchObject({ unreadable: 2, removed: 0 });
		} finally {
			chmodSync(at("d"), 0o700);
		}
	});

	test("a signal ends it", async () => {
		write(
			Object.fromEntries(Array.from({ length: 100 }, (_, i) => [`f${i}`, ""])),
		);
		await take();
		const signal = AbortSignal.abort(new Error("enough"));
		await expect(compare({ signal })).rejects.toThrow("enough");
	});
});
