import { execFileSync, spawnSync } from "node:child_process";
import {
	lstatSync,
	mkdtempSync,
	readdirSync,
	readFileSync,
	readlinkSync,
	rmSync,
	writeFileSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import {
	decodeName,
	encodeLinks,
	encodeList,
	ItemKind,
	idToBytes,
	NodeKind,
	utf8,
} from "@varve/format";
import { describe, expect, test } from "vitest";
import { type DumpRequest, dump } from "../../packages/core/src/query/dump.ts";
import {
	encodePax,
	paxText,
	paxTime,
} from "../../packages/core/src/query/pax.ts";
import { directory, type FakeTree, symlink } from "./fake-objects.ts";
import { type FakeRepository, fakeRepository } from "./fake-repository.ts";

const has = (tool: string) => spawnSync(tool, ["--help"]).status === 0;
const noTar = !has("tar");
const noUnzip = spawnSync("unzip", ["-v"]).status !== 0;

const odd = decodeName(new Uint8Array([0x6f, 0xff]));
const long = `${"long".repeat(60)}.txt`;
const text = "0123456789".repeat(300_000);
const owner = { uid: process.getuid?.() ?? 0, gid: process.getgid?.() ?? 0 };

const tree: FakeTree = {
	empty: { text: "", mode: 0o600, ...owner },
	none: { text: "no bits", mode: 0, ...owner },
	big: { text, mtime: 1_700_000_000, mtimeNs: 123_456_789, ...owner },
	early: { text: "x", mtime: -2, mtimeNs: 250_000_000, ...owner },
	late: { text: "x", mtime: 2 ** 33, ...owner },
	"a b\\c": { text: "x", ...owner },
	"C:x": { text: "x", ...owner },
	ärger: { text: "x", ...owner },
	[odd]: { text: "odd", ...owner },
	[long]: { text: "long name", ...owner },
	link: { ...symlink(`../${long}/ä`), ...owner },
	pipe: { kind: NodeKind.fifo, mode: 0o644, ...owner },
	plug: { kind: NodeKind.socket },
	d: directory(
		{
			e: directory({}, owner),
			one: { text: "same", ...owner },
			two: { text: "same", ...owner },
		},
		{ mode: 0o750, mtime: 1_600_000_000, mtimeNs: 1, ...owner },
	),
};

async function addSnapshot(repository: FakeRepository) {
	const paths = ["d/one", "d/two"].map((path) => ({
		root: 0,
		path: utf8(path),
	}));
	const piece = encodeLinks([paths]);
	const id = repository.objects.put(piece);
	const kinds = [ItemKind.chunk];
	const list = { kinds, lengths: [piece.length], ids: idToBytes(id) };
	const links = repository.objects.put(encodeList(list));
	return await repository.add({ trees: { "/srv": tree }, links });
}

async function dumped(
	request: DumpRequest,
	repository = fakeRepository(100_000),
) {
	const snapshot = await addSnapshot(repository);
	const parts: Uint8Array[] = [];
	for await (const part of dump(repository, snapshot, request))
		parts.push(part);
	return Buffer.concat(parts);
}

function inFolder(work: (folder: string) => void): void {
	const folder = mkdtempSync(join(tmpdir(), "varve-dump-"));
	try {
		work(folder);
	} finally {
		spawnSync("chmod", ["-R", "u+rwx", folder]);
		rmSync(folder, { recursive: true });
	}
}

describe("pax", () => {
	test.each([
		[0, 0, "0"],
		[5, 0, "5"],
		[5, 1, "5.000000001"],
		[5, 250_000_000, "5.25"],
		[-1, 250_000_000, "-0.75"],
		[-2, 0, "-2"],
		[-2, 999_999_999, "-1.000000001"],
	])("%i s and %i ns are %s", (seconds, nanoseconds, expected) => {
		expect(Buffer.from(paxTime(seconds, nanoseconds)).toString()).toBe(
			expected,
		);
	});

	test("a record counts its own length", () => {
		for (const length of [1, 4, 5, 90, 91, 92, 989, 990, 991, 992]) {
			const value = paxText("v".repeat(length));
			const bytes = Buffer.from(encodePax(new Map([["k", value]])));
			const record = bytes.subarray(512).toString("latin1");
			const total = Number(record.slice(0, record.indexOf(" ")));
			expect(record[total - 1]).toBe("\n");
			expect(record.slice(total)).toMatch(/^\0*$/);
			expect(bytes.length % 512).toBe(0);
		}
	});
});

describe.skipIf(noTar)("tar", () => {
	test("what GNU tar makes of it is the snapshot, to the nanosecond", async () => {
		const repository = fakeRepository(100_000);
		const archive = await dumped({ format: "tar", path: "/srv" }, repository);
		inFolder((folder) => {
			const args = ["-xp", "--numeric-owner", "-f", "-", "-C", folder];
			const { stderr, status } = spawnSync("tar", args, { input: archive });
			const complaints = `${stderr}`.split("\n").filter(Boolean);
			expect(complaints.filter((line) => !line.includes("time stamp"))).toEqual(
				[],
			);
			expect(status).toBe(0);
			const stat = (name: string) =>
				lstatSync(join(folder, name), { bigint: true });
			const names = readdirSync(folder, { encoding: "buffer" }).map(decodeName);
			const expected = Object.keys(tree).filter((name) => name !== "plug");
			expect(names.sort()).toEqual(expected.sort());
			expect(readFileSync(join(folder, "big"), "latin1")).toBe(text);
			expect(stat("big").mtimeNs).toBe(1_700_000_000_123_456_789n);
			expect(stat("early").mtimeNs).toBe(-1_750_000_000n);
			expect(stat("late").mtimeNs).toBe(2n ** 33n * 1_000_000_000n);
			expect(stat("empty").mode & 0o7777n).toBe(0o600n);
			expect(stat("none").mode & 0o7777n).toBe(0n);
			expect(stat("pipe").isFIFO()).toBe(true);
			expect(readlinkSync(join(folder, "link"))).toBe(`../${long}/ä`);
			expect(stat("d").mode & 0o7777n).toBe(0o750n);
			expect(stat("d").mtimeNs).toBe(1_600_000_000_000_000_001n);
			expect(stat("d/two").ino).toBe(stat("d/one").ino);
			expect(stat("d/e").isDirectory()).toBe(true);
			const oddPath = Buffer.concat([
				Buffer.from(`${folder}/o`),
				Buffer.from([0xff]),
			]);
			expect(readFileSync(oddPath, "latin1")).toBe("odd");
		});
		expect(repository.events).toEqual([
			{ type: "warning", message: expect.stringContaining("plug is left out") },
		]);
		expect(await repository.backend.list("leases")).toEqual([]);
	});

	test("names are whole without a path, and of one file its own", async () => {
		const list = async (path?: string) => {
			const input = await dumped({ format: "tar", path });
			const out = execFileSync("tar", ["-tf", "-"], {
				input,
				encoding: "utf8",
			});
			return out.split("\n").filter(Boolean);
		};
		expect(await list()).toContain("srv/d/one");
		expect(await list()).toContain("srv/");
		expect(await list("/srv/d/")).toEqual(["./", "e/", "one", "two"]);
		expect(await list("d/two")).toEqual(["two"]);
	});

	test("attributes beyond the old header are kept", async () => {
		const repository = fakeRepository();
		const name = utf8("user.x");
		const value = new Uint8Array([0, 0xff, 10]);
		const far = {
			text: "x",
			uid: 3_000_000_000,
			gid: 262_144,
			xattrs: [{ name, value }],
		};
		const disk = { kind: NodeKind.blockDevice, device: 0x10fd2c };
		const trees = { "/": { far, disk: { ...disk, mode: 0o660 } } };
		const users = { 3000000000: "ü" };
		const snapshot = await repository.add({ trees, users });
		const parts: Uint8Array[] = [];
		for await (const part of dump(repository, snapshot, { format: "tar" }))
			parts.push(part);
		const input = Buffer.concat(parts);
		const out = execFileSync("tar", ["-tvf", "-", "--numeric-owner"], {
			input,
			encoding: "utf8",
		});
		expect(out).toContain("3000000000/262144");
		expect(out).toContain("253,300");
		expect(input.includes("SCHILY.xattr.user.x=\0\xff\n", 0, "latin1")).toBe(
			true,
		);
		expect(input.includes("uname=ü\n")).toBe(true);
	});
});

describe("dump", () => {
	test.each(["tar", "zip"] as const)(
		"damage in a %s ends it with the error",
		async (format) => {
			for (const size of [100, 3_000_000]) {
				const repository = fakeRepository(size / 5);
				const content = Buffer.from(`${"x".repeat(size - 1)}y`);
				const snapshot = await repository.add({
					trees: { "/": { a: { text: content } } },
				});
				const last = [...repository.objects.chunks].find(
					([, bytes]) => bytes.at(-1) === "y".charCodeAt(0),
				);
				repository.objects.chunks.delete(last?.[0] ?? "");
				const read = async () => {
					for await (const _ of dump(repository, snapshot, { format }));
				};
				await expect(read()).rejects.toThrow(
					expect.objectContaining({ code: "MISSING_CHUNK" }),
				);
				expect(await repository.backend.list("leases")).toEqual([]);
			}
		},
	);

	test.each(["tar", "zip"] as const)(
		"a reader of a %s that stops early ends the work",
		async (format) => {
			const repository = fakeRepository(1000);
			const snapshot = await addSnapshot(repository);
			for await (const _ of dump(repository, snapshot, { format })) break;
			expect(await repository.backend.list("leases")).toEqual([]);
		},
	);

	test.each(["tar", "zip"] as const)(
		"a %s reads no further ahead than a few MiB",
		async (format) => {
			const repository = fakeRepository(1_000_000);
			const files = Array.from({ length: 40 }, (_, i) => {
				const bytes = new Uint8Array(1_000_000).map(
					(_, k) => (k * 31 * i) >>> 3,
				);
				return [`f${i}`, { text: bytes }];
			});
			const snapshot = await repository.add({
				trees: { "/": Object.fromEntries(files) },
			});
			repository.objects.reads.length = 0;
			for await (const _ of dump(repository, snapshot, { format })) {
				expect(repository.objects.reads.length).toBeLessThan(15);
				break;
			}
		},
	);
});

describe.skipIf(noUnzip)("zip", () => {
	test("what unzip makes of it is the snapshot, as far as zip can", async () => {
		const repository = fakeRepository(100_000);
		const archive = await dumped({ format: "zip", path: "/srv" }, repository);
		inFolder((folder) => {
			const file = join(folder, "a.zip");
			writeFileSync(file, archive);
			const out = join(folder, "out");
			const env = { ...process.env, LC_ALL: "C.UTF-8" };
			const { status, stderr } = spawnSync("unzip", ["-q", file, "-d", out], {
				env,
			});
			expect(`${stderr}`).toBe("");
			expect(status).toBe(0);
			const stat = (name: string) => lstatSync(join(out, name));
			expect(readFileSync(join(out, "big"), "latin1")).toBe(text);
			expect(stat("big").mtimeMs).toBe(1_700_000_000_000);
			expect(stat("empty").mode & 0o7777).toBe(0o600);
			expect(readlinkSync(join(out, "link"))).toBe(`../${long}/ä`);
			expect(readFileSync(join(out, "d/two"), "utf8")).toBe("same");
			expect(stat("d/e").isDirectory()).toBe(true);
			expect(stat("a b_c").isFile()).toBe(true);
			expect(stat("C_x").isFile()).toBe(true);
			expect(stat("ärger").isFile()).toBe(true);
			expect(stat(long).size).toBe(9);
		});
		const messages = repository.events.map(
			(e) => (e as { message: string }).message,
		);
		expect(messages.sort()).toEqual([
			expect.stringContaining("cannot have the name C:x"),
			expect.stringContaining("cannot have the name a b\\c"),
			expect.stringContaining("cannot have the name o\ufffd"),
			expect.stringContaining("pipe is left out"),
			expect.stringContaining("plug is left out"),
		]);
	});

	test("thousands of entries are in order and whole", async () => {
		const repository = fakeRepository();
		const files = Array.from({ length: 3000 }, (_, i) => [
			`f${i}`,
			`${i}`.repeat(20),
		]);
		const snapshot = await repository.add({
			trees: { "/": Object.fromEntries(files) },
		});
		const parts: Uint8Array[] = [];
		for await (const part of dump(repository, snapshot, { format: "zip" }))
			parts.push(part);
		inFolder((folder) => {
			const file = join(folder, "a.zip");
			writeFileSync(file, Buffer.concat(parts));
			const { status, stdout } = spawnSync("unzip", ["-tqq", file]);
			expect(`${stdout}`).toBe("");
			expect(status).toBe(0);
			const names = execFileSync("unzip", ["-Z1", file], { encoding: "utf8" });
			expect(names.trim().split("\n").sort()).toEqual(
				files.map(([name]) => name).sort(),
			);
		});
	});
});
