import { execFileSync, spawn, spawnSync } from "node:child_process";
import { once } from "node:events";
import {
	closeSync,
	existsSync,
	linkSync,
	mkdirSync,
	mkdtempSync,
	openSync,
	readFileSync,
	readlinkSync,
	renameSync,
	rmSync,
	statSync,
	symlinkSync,
	writeFileSync,
} from "node:fs";
import { createServer } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import {
	type ChunkId,
	contentLength,
	decodeLinks,
	decodeName,
	type Node,
	NodeKind,
	type TreeId,
} from "@varve/format";
import { makeTree } from "@varve/testkit";
import { afterAll, describe, expect, test } from "vitest";
import { reach } from "../../packages/core/src/native/long-path.ts";
import type { Repository } from "../../packages/core/src/repository.ts";
import type { SnapshotResult } from "../../packages/core/src/snapshot/options.ts";
import {
	createSourceFs,
	type SourceFs,
} from "../../packages/core/src/snapshot/source-fs.ts";
import { lateClock, take, treeOf, workplace } from "./snapshot-workplace.ts";

const place = workplace("odd");
const clock = lateClock;
const isRoot = process.getuid?.() === 0;
const isLinux = process.platform === "linux";

function folder(tree: Parameters<typeof makeTree>[1] = {}): string {
	const made = place.fresh("source");
	makeTree(made, tree);
	return made;
}

/** Nodes by path, names as name texts. */
async function nodesOf(repository: Repository, result: SnapshotResult) {
	await repository.objects.prepare();
	const found = new Map<string, Node>();
	const open: [TreeId, string][] = [[treeOf(result) as TreeId, ""]];
	for (let next = open.pop(); next !== undefined; next = open.pop())
		for (const node of [...repository.objects.nodes(next[0])] as Node[]) {
			const path = next[1] + decodeName(node.name);
			found.set(path, node);
			if (node.tree !== undefined) open.push([node.tree, `${path}/`]);
		}
	return found;
}

async function linksOf(repository: Repository, { record }: SnapshotResult) {
	if (record.links === undefined) return [];
	await repository.objects.prepare();
	return [...repository.objects.pieces(record.links as ChunkId)].flatMap(
		(piece) =>
			decodeLinks(piece).map((group) =>
				group.map(({ path }) => Buffer.from(path).toString()),
			),
	);
}

const setTime = `
import os, sys
for path, ns in zip(sys.argv[1::2], map(int, sys.argv[2::2])):
    os.utime(path, ns=(ns, ns), follow_symlinks=False)
`;

describe("entries of every kind", () => {
	test.runIf(isLinux)(
		"T64 FIFOs, sockets and devices are kept as what they are",
		async () => {
			const source = folder({ file: "content" });
			execFileSync("mkfifo", [join(source, "fifo")]);
			if (isRoot) {
				execFileSync("mknod", [join(source, "null"), "c", "1", "3"]);
				execFileSync("mknod", [join(source, "disk"), "b", "259", "70000"]);
			}
			const server = createServer().listen(join(source, "socket"));
			await new Promise((resolve) => server.once("listening", resolve));
			const repository = await place.repository({ clock });
			const nodes = await nodesOf(repository, await take(repository, source));
			server.close();
			expect(nodes.get("fifo")?.kind).toBe(NodeKind.fifo);
			expect(nodes.get("socket")?.kind).toBe(NodeKind.socket);
			if (!isRoot) return;
			expect(nodes.get("null")).toMatchObject({
				kind: NodeKind.characterDevice,
				device: statSync("/dev/null").rdev,
			});
			expect(nodes.get("disk")).toMatchObject({
				kind: NodeKind.blockDevice,
				device: statSync(join(source, "disk")).rdev,
			});
		},
	);

	test.runIf(isLinux)(
		"T70 several names of one symlink, FIFO, device or file are one group, across directories",
		async () => {
			const source = folder({ a: {}, b: { file: "content" } });
			symlinkSync("nowhere", join(source, "a/link"));
			execFileSync("mkfifo", [join(source, "a/pipe")]);
			if (isRoot)
				execFileSync("mknod", [join(source, "a/zero"), "c", "1", "5"]);
			linkSync(join(source, "a/link"), join(source, "b/link"));
			linkSync(join(source, "a/pipe"), join(source, "pipe"));
			linkSync(join(source, "b/file"), join(source, "a/file"));
			if (isRoot) linkSync(join(source, "a/zero"), join(source, "b/zero"));
			const repository = await place.repository({ clock });
			const first = await take(repository, source);
			const groups = [
				["a/file", "b/file"],
				["a/link", "b/link"],
				["a/pipe", "pipe"],
				...(isRoot ? [["a/zero", "b/zero"]] : []),
			];
			expect(await linksOf(repository, first)).toEqual(groups);
			const nodes = await nodesOf(repository, first);
			expect(nodes.get("b/link")).toMatchObject({ kind: NodeKind.symlink });
			expect(nodes.get("b/file")?.content).toEqual(
				nodes.get("a/file")?.content,
			);
			expect(first.record.statistics.chunksAdded).toBe(1);
			writeFileSync(join(source, "a/more"), "");
			const second = await take(repository, source);
			expect(await linksOf(repository, second)).toEqual(groups);
		},
	);

	test("T66 link targets of any bytes are kept as they are", async () => {
		const source = folder();
		const bytes = Array.from({ length: 255 }, (_, i) => i + 1);
		const targets = [
			Buffer.from(bytes),
			Buffer.from([0xc3, 0x28, 0xff, 0x2f, 0xed, 0xa0, 0x80]),
			Buffer.from("\u00e9 and e\u0301 \u{1f600}\n"),
			Buffer.alloc(4095, 0xfe),
		];
		targets.forEach((target, i) => {
			symlinkSync(target, join(source, `${i}`));
		});
		const repository = await place.repository({ clock });
		const nodes = await nodesOf(repository, await take(repository, source));
		targets.forEach((target, i) => {
			expect(Buffer.from(nodes.get(`${i}`)?.target as Uint8Array)).toEqual(
				target,
			);
		});
	});
});

// File systems on disks have no room for most odd times.
const memory = mkdtempSync(
	existsSync("/dev/shm") ? "/dev/shm/varve-odd-" : join(tmpdir(), "varve-odd-"),
);
afterAll(() => rmSync(memory, { recursive: true }));

describe("odd times", () => {
	const second = 1_000_000_000n;
	const times = [
		-(2n ** 40n) * second,
		-(2n ** 40n) * second + 1n,
		-1n,
		0n,
		(2n ** 31n - 1n) * second + 999_999_999n,
		2n ** 31n * second,
		(2n ** 31n + 1n) * second,
		2n ** 33n * second,
		2n ** 40n * second + 999_999_999n,
	];
	const whyNot = spawnSync("python3", ["-c", setTime, memory, `${times[0]}`]);
	const isWide =
		whyNot.status === 0 &&
		statSync(memory, { bigint: true }).mtimeNs === times[0];

	test.runIf(isWide)(
		"T73 of files, directories and links are kept to the nanosecond",
		async () => {
			const source = join(memory, "source");
			mkdirSync(source);
			const expected = new Map<string, bigint>();
			times.forEach((time, i) => {
				writeFileSync(join(source, `file${i}`), "content");
				writeFileSync(join(source, `empty${i}`), "");
				mkdirSync(join(source, `dir${i}`));
				symlinkSync("x", join(source, `link${i}`));
				for (const kind of ["file", "empty", "dir", "link"])
					expected.set(`${kind}${i}`, time);
			});
			const words = [...expected].flatMap(([name, time]) => [
				join(source, name),
				`${time}`,
			]);
			execFileSync("python3", ["-c", setTime, ...words]);
			const repository = await place.repository({ clock });
			for (let round = 0; round < 2; round++) {
				const nodes = await nodesOf(repository, await take(repository, source));
				const kept = [...expected.keys()].map((name) => {
					const { mtime, mtimeNs } = nodes.get(name) as Node;
					return [name, BigInt(mtime) * second + BigInt(mtimeNs)];
				});
				expect(new Map(kept as [string, bigint][])).toEqual(expected);
			}
		},
	);

	test.runIf(isWide)(
		"T73 a far one that a file gets while it is looked at is kept whole",
		async () => {
			const source = join(memory, "late");
			mkdirSync(source);
			const path = join(source, "file");
			writeFileSync(path, "content");
			const real = createSourceFs();
			const sourceFs: SourceFs = {
				...real,
				lstat(found) {
					const stat = real.lstat(found);
					if (found === path)
						execFileSync("python3", ["-c", setTime, path, `${times[8]}`]);
					return stat;
				},
			};
			const repository = await place.repository({ clock });
			const result = await take(repository, source, { sourceFs });
			expect((await nodesOf(repository, result)).get("file")).toMatchObject({
				mtime: 2 ** 40,
				mtimeNs: 999_999_999,
			});
		},
	);
});

describe.runIf(isLinux)("paths longer than the system takes", () => {
	const name = "d".repeat(200);

	/** A chain of directories, made from within. */
	function deep(levels: number, leaf: string): string {
		const source = folder();
		execFileSync("python3", [
			"-c",
			`import os, sys
os.chdir(sys.argv[1])
for i in range(${levels}):
    os.mkdir(sys.argv[2]); os.chdir(sys.argv[2])
    if i == ${levels} // 2: open("half", "w").write("half way")
open("file", "w").write("deep down")
os.symlink("target", "link")
open("empty", "w").close()
os.setxattr("empty", "user.deep", b"1") if ${leaf} else None`,
			source,
			name,
		]);
		return source;
	}
	const remove = (path: string) => execFileSync("rm", ["-rf", path]);

	test("T68 are kept: 20,000 bytes deep, every kind of entry and its attributes", async () => {
		const levels = 100;
		const source = deep(levels, "True");
		const repository = await place.repository({ clock });
		const first = await take(repository, source);
		expect(first.record.unread).toEqual([]);
		const nodes = await nodesOf(repository, first);
		const at = `${name}/`.repeat(levels);
		expect(at.length).toBeGreaterThan(20_000);
		const file = nodes.get(`${at}file`) as Node;
		const bytes = [...repository.objects.bytes(file.content)];
		expect(Buffer.concat(bytes).toString()).toBe("deep down");
		expect(nodes.get(`${at}link`)?.target).toHaveLength(6);
		expect(nodes.get(`${at}empty`)?.xattrs).toHaveLength(1);
		const again = await take(repository, source);
		expect(treeOf(again)).toBe(treeOf(first));
		expect(again.record.statistics.filesUnmodified).toBe(3);
		remove(source);
	}, 60_000);

	test("of many short names are kept too, and do not exhaust the stack", async () => {
		const source = folder();
		const levels = 4000;
		execFileSync("python3", [
			"-c",
			`import os, sys
os.chdir(sys.argv[1])
for i in range(${levels}): os.mkdir("d"); os.chdir("d")
open("file", "w").write("deep down")`,
			source,
		]);
		const repository = await place.repository({ clock });
		const first = await take(repository, source);
		expect(first.record.unread).toEqual([]);
		expect(first.record.statistics).toMatchObject({
			directories: levels + 1,
			files: 1,
		});
		remove(source);
	}, 120_000);

	test("T68 are refused with a word of errno where open files are no paths", () => {
		const source = deep(25, "False");
		const path = `${source}/${`${name}/`.repeat(24)}${name}`;
		const call = (handles?: string) =>
			reach(path, (reached) => statSync(reached).isDirectory(), handles);
		expect(call()).toBe(true);
		expect(() => call("/nonexistent")).toThrow(
			expect.objectContaining({ code: "ENAMETOOLONG" }),
		);
		remove(source);
	});

	test("leave no file open, also if what is looked for is not there", () => {
		const source = deep(50, "False");
		const path = `${source}/${`${name}/`.repeat(50)}`;
		const before = openCount();
		for (let i = 0; i < 20; i++) {
			reach(`${path}file`, (reached) => statSync(reached));
			expect(() => reach(`${path}none/x`, (r) => statSync(r))).toThrow(
				"ENOENT",
			);
			expect(() => reach(`${source}/none/${path}`, (r) => statSync(r))).toThrow(
				"ENOENT",
			);
		}
		expect(openCount()).toBe(before);
		remove(source);
	});

	function openCount(): number {
		const fd = openSync("/dev/null", "r");
		closeSync(fd);
		return fd;
	}
});

describe("what takes the place of a directory while it is walked", () => {
	const swap = (path: string, by: () => void): SourceFs => {
		const real = createSourceFs();
		return {
			...real,
			readDirectory(found) {
				if (found === `${path}/`) by();
				return real.readDirectory(found);
			},
		};
	};

	test("T60 a file in its place means that it vanished, and hinders nothing", async () => {
		const source = folder({ a: { b: "1" }, z: "last" });
		const path = join(source, "a");
		const sourceFs = swap(path, () => {
			renameSync(path, `${source}-away`);
			writeFileSync(path, "a file now");
		});
		const repository = await place.repository({ clock });
		const result = await take(repository, source, { sourceFs });
		expect(result.record.unread).toEqual([]);
		expect(result.vanished).toBe(1);
		expect([...(await nodesOf(repository, result)).keys()]).toEqual(["z"]);
		const next = await take(repository, source);
		expect([...(await nodesOf(repository, next)).keys()]).toEqual(["a", "z"]);
	});

	test.runIf(isLinux)("T60 a link in its place is not followed", async () => {
		const outside = folder({ secret: "not of this tree" });
		const source = folder({ "0": { x: "1" }, a: { b: "1" } });
		const reader = (
			await import("../../packages/core/src/snapshot/native-reader.ts")
		).nativeReader();
		const { readListing } = await import(
			"../../packages/core/src/snapshot/directory-listing.ts"
		);
		rmSync(join(source, "a"), { recursive: true });
		symlinkSync(outside, join(source, "a"));
		expect(readlinkSync(join(source, "a"))).toBe(outside);
		if (reader === undefined) return;
		const request = { only: undefined, racyFrom: 0n };
		const path = join(source, "a/");
		expect(() =>
			readListing(reader, { ...request, path, follow: false }),
		).toThrow(expect.objectContaining({ code: "ENOTDIR" }));
		expect(readListing(reader, { ...request, path }).names).toEqual(["secret"]);
	});
});

describe("a file that another process writes while it is read", () => {
	const size = 200_000;
	const program = `
import os, sys, time
f = open(sys.argv[1], "r+b", buffering=0)
n = 0
while True:
    n += 1
    if n % 3 == 0: f.seek(0, 2); f.write(b"x")
    elif n % 3 == 1: f.seek(n % 1000); f.write(os.urandom(1000))
    else: f.truncate(${size} - n % 7 * 1000)
    if n == 3: print("writing", flush=True)
    time.sleep(0.001)`;

	test("T61 is marked, told, as long as what was stored of it, and hinders nothing", async () => {
		const source = folder({ a: "before", z: "behind" });
		const path = join(source, "log");
		writeFileSync(path, Buffer.alloc(size, "content "));
		const writer = spawn("python3", ["-c", program, path]);
		const ended = once(writer, "exit");
		await once(writer.stdout, "data");
		const repository = await place.repository({ clock });
		// Slow enough that the writer has its turn within each attempt.
		const result = await take(repository, source, { readRate: 200_000 });
		writer.kill();
		await ended;
		expect(result.record.unread).toEqual([{ path, reason: "CHANGED" }]);
		const nodes = await nodesOf(repository, result);
		const node = nodes.get("log") as Node;
		expect(node.torn).toBe(true);
		const bytes = contentOf(repository, node);
		expect(bytes.length).toBe(contentLength(node.content));
		expect(bytes.length).toBeGreaterThan(size / 2);
		expect([...nodes.keys()].sort()).toEqual(["a", "log", "z"]);
		const next = await take(repository, source);
		const settled = (await nodesOf(repository, next)).get("log") as Node;
		expect(settled.torn).toBe(false);
		expect(contentOf(repository, settled)).toEqual(readFileSync(path));
	}, 60_000);

	const contentOf = ({ objects }: Repository, { content }: Node) =>
		Buffer.concat([...objects.bytes(content)].map((part) => Buffer.from(part)));
});
