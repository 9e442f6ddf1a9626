import { randomBytes } from "node:crypto";
import fs from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { Worker } from "node:worker_threads";
import type { LeaseId } from "@varve/format";
import {
	createLocalBackend,
	type FsLayer,
	nodeFs,
	openBlockingReads,
	openLocalBackend,
	type RemoveBackend,
	type Stage,
	type Warning,
} from "@varve/store";
import { afterEach, beforeEach, describe, expect, test } from "vitest";

let folder: string;
let location: string;
beforeEach(() => {
	folder = fs.mkdtempSync(join(tmpdir(), "varve-local-"));
	location = join(folder, "repository");
});
afterEach(() => fs.rmSync(folder, { recursive: true, force: true }));

const lease = "a1".repeat(16) as LeaseId;
const name = "ab".repeat(32);
const modeOf = (path: string) => fs.statSync(path).mode & 0o7777;

describe("making a repository's directory", () => {
	test("makes all folders, for the user alone, those above it included", async () => {
		location = join(folder, "a", "b", "repository");
		const backend = await createLocalBackend(location);
		expect(backend.location).toBe(location);
		expect(fs.readdirSync(location).sort()).toEqual(
			"forgotten gc keys labels leases packs policies quarantine segments snapshots tmp".split(
				" ",
			),
		);
		expect(fs.readdirSync(join(location, "packs"))).toHaveLength(256);
		for (const path of ["..", ".", "packs", "packs/a7", "tmp", "keys"])
			expect(modeOf(join(location, path))).toBe(0o700);
	});

	test("takes an empty directory, with the mode it has", async () => {
		fs.mkdirSync(location, { mode: 0o750 });
		await createLocalBackend(location);
		expect(modeOf(location)).toBe(0o750);
	});

	test("goes on where it was interrupted", async () => {
		await createLocalBackend(location);
		fs.rmdirSync(join(location, "packs", "ff"));
		fs.rmdirSync(join(location, "leases"));
		fs.mkdirSync(join(location, "tmp", lease));
		const backend = await createLocalBackend(location);
		expect(fs.readdirSync(join(location, "packs"))).toHaveLength(256);
		expect(await backend.list("leases")).toEqual([]);
	});

	test("refuses a directory that holds something", async () => {
		await createLocalBackend(location);
		const refused = expect.objectContaining({
			name: "ConflictError",
			code: "NOT_EMPTY",
		});
		for (const path of [
			"mine.txt",
			"config",
			"keys/k",
			"packs/00/x",
			"packs/y",
		]) {
			fs.writeFileSync(join(location, path), "");
			await expect(createLocalBackend(location)).rejects.toEqual(refused);
			fs.rmSync(join(location, path));
		}
		await createLocalBackend(location);
	});

	test("refuses a file, and a path below a file", async () => {
		fs.writeFileSync(location, "");
		const refused = expect.objectContaining({
			name: "InputError",
			code: "NOT_A_DIRECTORY",
		});
		for (const path of [location, join(location, "deeper")])
			for (const make of [createLocalBackend, openLocalBackend])
				await expect(make(path)).rejects.toEqual(refused);
	});

	test("opening what is not there finds no repository", async () => {
		await expect(openLocalBackend(location)).rejects.toMatchObject({
			name: "NotFoundError",
			code: "NO_REPOSITORY",
		});
	});
});

/** The operating system's, with some operations replaced, and a record of all that change something or sync. */
function recordingFs(replaced: Partial<FsLayer> = {}) {
	const log: string[] = [];
	const paths = new Map<number, string>();
	const relative = (path: string) => path.slice(location.length + 1) || ".";
	const layer: FsLayer = {
		...nodeFs,
		...replaced,
		open: async (path, flags, mode) => {
			const fd = await (replaced.open ?? nodeFs.open)(path, flags, mode);
			paths.set(fd, relative(path));
			if (flags.includes("w")) log.push(`create ${relative(path)}`);
			return fd;
		},
		fsync: async (fd) => {
			log.push(`fsync ${paths.get(fd)}`);
			await (replaced.fsync ?? nodeFs.fsync)(fd);
		},
		rename: async (from, to) => {
			await (replaced.rename ?? nodeFs.rename)(from, to);
			log.push(`rename ${relative(from)} ${relative(to)}`);
		},
		link: async (from, to) => {
			await (replaced.link ?? nodeFs.link)(from, to);
			log.push(`link ${relative(from)} ${relative(to)}`);
		},
		mkdir: async (path, mode) => {
			await nodeFs.mkdir(path, mode);
			log.push(`mkdir ${relative(path)}`);
		},
	};
	return { layer, log };
}

function failure(code: string): Error {
	return Object.assign(new Error(code), { code, syscall: "made up" });
}

/** Fails the n-th call. */
function nth<A extends unknown[], R>(
	n: number,
	error: Error,
	work: (...args: A) => R,
): (...args: A) => R {
	let count = 0;
	return (...args) => {
		if (++count === n) throw error;
		return work(...args);
	};
}

async function openWith(replaced: Partial<FsLayer> = {}): Promise<{
	backend: RemoveBackend;
	stage: Stage;
	log: string[];
	warnings: Warning[];
}> {
	if (!fs.existsSync(location)) await createLocalBackend(location);
	const { layer, log } = recordingFs(replaced);
	const warnings: Warning[] = [];
	const backend = await openLocalBackend(location, {
		fs: layer,
		warn: (warning) => warnings.push(warning),
	});
	const stage = await backend.stage(randomBytes(16).toString("hex") as LeaseId);
	log.length = 0;
	return { backend, stage, log, warnings };
}

function spooled(stage: Stage, bytes = new Uint8Array(1000)): string {
	const file = stage.spool.create();
	file.write(bytes);
	file.close();
	return file.name;
}

describe("T01 T02 the durable write", () => {
	test("of a spooled file syncs it, renames it, and syncs its directory, in this order", async () => {
		const { stage, log } = await openWith();
		const file = spooled(stage);
		await stage.put("packs", name, file);
		expect(log).toEqual([
			`fsync tmp/${stage.lease}/${file}`,
			`rename tmp/${stage.lease}/${file} packs/ab/${name}`,
			"fsync packs/ab",
		]);
		expect(modeOf(join(location, "packs/ab", name))).toBe(0o600);
	});

	test("of small objects does the same, and links where the name must be free", async () => {
		const { stage, log } = await openWith();
		await stage.putBytes("keys", "k", new Uint8Array(5));
		await stage.putBytes("config", "config", new Uint8Array(5), {
			exclusive: true,
		});
		const tmp = `tmp/${stage.lease}`;
		expect(log).toEqual([
			`create ${tmp}/object-0`,
			`fsync ${tmp}/object-0`,
			`rename ${tmp}/object-0 keys/k`,
			"fsync keys",
			`create ${tmp}/object-1`,
			`fsync ${tmp}/object-1`,
			`link ${tmp}/object-1 config`,
			"fsync .",
		]);
		expect(modeOf(join(location, "keys/k"))).toBe(0o600);
		expect(fs.readdirSync(join(location, tmp))).toEqual([]);
	});

	test("where the name must be free and is taken, syncs the directory before it says so", async () => {
		const { stage, log } = await openWith();
		const put = () =>
			stage.putBytes("forgotten", name, new Uint8Array(5), { exclusive: true });
		await put();
		log.length = 0;
		await expect(put()).rejects.toMatchObject({ code: "EXISTS" });
		expect(log.at(-1)).toBe("fsync forgotten");
	});

	test("of a removal is durable too where somebody else has removed it", async () => {
		const { backend, stage, log } = await openWith();
		await backend.remove(stage, "snapshots", name);
		expect(log).toEqual(["fsync snapshots"]);
		await backend.remove(stage, "copies/packs", name);
		await backend.settle(["segments", "copies/snapshots", "forgotten"]);
		expect(log.slice(1).sort()).toEqual(["fsync forgotten", "fsync segments"]);
	});

	test("of what was listed comes, for packs, folder by folder", async () => {
		const { backend, log } = await openWith();
		await backend.settlePacks([name, `cd${name.slice(2)}`, name]);
		await backend.settlePacks([]);
		await backend.settle(["config", "labels"]);
		// Several at once, in any order.
		expect(log.sort()).toEqual([
			"fsync .",
			"fsync labels",
			"fsync packs",
			"fsync packs/ab",
			"fsync packs/cd",
		]);
	});

	test("of what was moved to the quarantine is durable too where somebody else has moved it", async () => {
		const { backend, stage, log } = await openWith();
		const bytes = new Uint8Array(5);
		await stage.putBytes("labels", name, bytes);
		await stage.putBytes("quarantine", `labels.${name}`, bytes);
		log.length = 0;
		await backend.quarantine(stage, "labels", name);
		expect(log[0]).toBe("fsync quarantine");
		log.length = 0;
		await backend.quarantine(stage, "labels", name);
		expect(log).toEqual(["fsync labels"]);
	});

	test("makes a folder that is missing again, and syncs the one above it", async () => {
		const { stage, log } = await openWith();
		fs.rmdirSync(join(location, "packs/ab"));
		const file = spooled(stage);
		await stage.put("packs", name, file);
		expect(log.slice(1)).toEqual([
			"mkdir packs/ab",
			"fsync packs",
			`rename tmp/${stage.lease}/${file} packs/ab/${name}`,
			"fsync packs/ab",
		]);
	});

	test("of many files at once syncs a directory less often than once for each, and after the last rename", async () => {
		const { stage, log } = await openWith();
		const names = Array.from({ length: 40 }, (_, i) =>
			`ab${i}`.padEnd(64, "0"),
		);
		await Promise.all(names.map((n) => stage.put("packs", n, spooled(stage))));
		const syncs = log.filter((line) => line === "fsync packs/ab").length;
		expect(syncs).toBeLessThan(40);
		const last = log.findLastIndex((line) => line.startsWith("rename"));
		expect(log.slice(last)).toContain("fsync packs/ab");
	});

	test("a removal is durable before it is reported, and so is a fencing", async () => {
		const { backend, stage, log } = await openWith();
		await stage.putBytes("gc", "g", new Uint8Array(5));
		log.length = 0;
		await backend.remove(stage, "gc", "g");
		expect(log).toEqual([
			`rename gc/g tmp/${stage.lease}/removed-1`,
			"fsync gc",
		]);
		log.length = 0;
		await backend.fence(stage.lease);
		expect(log[0]).toMatch(`rename tmp/${stage.lease} tmp/fenced-`);
		expect(log[1]).toBe("fsync tmp");
	});

	test("writes on after a short write", async () => {
		const { backend, stage } = await openWith({
			write: (fd, bytes) => nodeFs.write(fd, bytes.subarray(0, 7)),
			writeSync: (fd, bytes) => nodeFs.writeSync(fd, bytes.subarray(0, 7)),
			read: (fd, target, at) => nodeFs.read(fd, target.subarray(0, 5), at),
			readSync: (fd, target, at) =>
				nodeFs.readSync(fd, target.subarray(0, 5), at),
		});
		const bytes = new Uint8Array(randomBytes(100));
		await stage.put("packs", name, spooled(stage, bytes));
		await stage.putBytes("keys", "k", bytes);
		expect(await backend.read("packs", name)).toEqual(bytes);
		const target = new Uint8Array(100);
		backend.blocking.readInto("keys", "k", 0, target);
		expect(target).toEqual(bytes);
	});
});

describe("T03 a failed sync of a file", () => {
	test("loses the file: it is deleted, never synced again, and never seen under its name", async () => {
		for (const how of ["put", "putBytes"] as const) {
			const { backend, stage, log } = await openWith({
				fsync: nth(1, failure("EIO"), nodeFs.fsync),
			});
			const writing =
				how === "put"
					? stage.put("packs", name, spooled(stage))
					: stage.putBytes("packs", name, new Uint8Array(5));
			await expect(writing).rejects.toMatchObject({
				name: "StorageError",
				code: "STORAGE_FAILED",
				details: { errno: "EIO", transient: false },
			});
			expect(log.filter((line) => line.startsWith("fsync"))).toHaveLength(1);
			expect(await backend.list("packs")).toEqual([]);
			expect(fs.readdirSync(join(location, "tmp", stage.lease))).toEqual([]);
		}
	});
});

describe("T11 a sync of a directory", () => {
	for (const code of ["EINVAL", "ENOTSUP", "ENOTTY", "ENOENT"])
		test(`that fails with ${code} is warned of once, and the work goes on`, async () => {
			const { backend, stage, warnings } = await openWith({
				fsync: (fd) =>
					fs.fstatSync(fd).isDirectory()
						? Promise.reject(failure(code))
						: nodeFs.fsync(fd),
			});
			await stage.put("packs", name, spooled(stage));
			await stage.putBytes("keys", "k", new Uint8Array(5));
			expect(warnings.map((w) => w.code)).toEqual(["NO_DIRECTORY_SYNC"]);
			expect(await backend.list("packs")).toHaveLength(1);
		});

	test("that is gone is a failure: what was renamed into it went with it", async () => {
		const { stage, warnings } = await openWith({
			rename: async (from, to) => {
				await nodeFs.rename(from, to);
				if (from.startsWith(join(location, "tmp")))
					fs.rmSync(dirname(to), { recursive: true });
			},
		});
		const gone = { name: "StorageError", code: "STORAGE_FAILED" };
		await expect(
			stage.put("packs", name, spooled(stage)),
		).rejects.toMatchObject(gone);
		await expect(
			stage.putBytes("keys", "k", new Uint8Array(5)),
		).rejects.toMatchObject(gone);
		expect(warnings).toEqual([]);
	});

	test("that is gone with the stage says that the lease is lost", async () => {
		const { backend, stage } = await openWith({});
		const spool = spooled(stage);
		await backend.fence(stage.lease);
		fs.rmSync(join(location, "keys"), { recursive: true });
		const lost = { name: "ConflictError", code: "FENCED" };
		await expect(stage.put("packs", name, spool)).rejects.toMatchObject(lost);
		await expect(
			stage.putBytes("keys", "k", new Uint8Array(5)),
		).rejects.toMatchObject(lost);
	});

	for (const code of ["EIO", "ENOSPC"])
		test(`that fails with ${code} is a failure`, async () => {
			const { stage } = await openWith({
				fsync: nth(2, failure(code), nodeFs.fsync),
			});
			await expect(
				stage.put("packs", name, spooled(stage)),
			).rejects.toMatchObject({ name: "StorageError" });
		});
});

describe("T12 failures of the file system", () => {
	test("that come when what was read is closed are no matter", async () => {
		const { backend, stage } = await openWith({
			closeSync(fd) {
				nodeFs.closeSync(fd);
				throw failure("EIO");
			},
		});
		await stage.putBytes("packs", name, new Uint8Array(5));
		backend.blocking.readInto("packs", name, 0, new Uint8Array(5));
		await backend.quarantine(stage, "packs", name);
		await backend.close();
		expect(await backend.list("packs")).toEqual([]);
	});

	const meanings = [
		["ENOSPC", "NO_SPACE", false],
		["EDQUOT", "NO_SPACE", false],
		["EACCES", "REFUSED", false],
		["EPERM", "REFUSED", false],
		["EROFS", "REFUSED", false],
		["EIO", "STORAGE_FAILED", false],
		["ESTALE", "STORAGE_FAILED", true],
		["ETIMEDOUT", "STORAGE_FAILED", true],
		["EMFILE", "STORAGE_FAILED", true],
	] as const;

	for (const [errno, code, transient] of meanings)
		test(`${errno} is ${code}${transient ? ", and may pass" : ""}, at whatever step it comes`, async () => {
			const error = failure(errno);
			const expected = {
				name: "StorageError",
				code,
				details: { errno, transient },
				cause: error,
			};
			const failing: Partial<FsLayer>[] = [
				{ open: nth(1, error, nodeFs.open) },
				{ write: nth(1, error, nodeFs.write) },
				{ fsync: nth(1, error, nodeFs.fsync) },
				{ close: nth(1, error, nodeFs.close) },
				{ rename: nth(1, error, nodeFs.rename) },
			];
			for (const replaced of failing) {
				const { backend, stage } = await openWith(replaced);
				await expect(
					stage.putBytes("keys", "k", new Uint8Array(5)),
				).rejects.toMatchObject(expected);
				expect(await backend.list("keys")).toEqual([]);
				await stage.release();
			}
			expect(fs.readdirSync(join(location, "tmp"))).toEqual([]);
		});

	test("while a spool is written are thrown there, and leave nothing once the stage is released", async () => {
		for (const step of ["openSync", "writeSync", "closeSync"] as const) {
			const { stage } = await openWith({
				[step]: nth(1, failure("ENOSPC"), nodeFs[step] as () => number),
			});
			expect(() => spooled(stage)).toThrow(
				expect.objectContaining({ code: "NO_SPACE" }),
			);
			await stage.release();
		}
		expect(fs.readdirSync(join(location, "tmp"))).toEqual([]);
	});

	test("of reading are never taken for absence", async () => {
		const { backend, stage } = await openWith();
		await stage.putBytes("packs", name, new Uint8Array(5));
		const error = failure("EIO");
		const faulty = await openLocalBackend(location, {
			fs: {
				...nodeFs,
				open: () => Promise.reject(error),
				openSync: () => {
					throw error;
				},
				stat: (path) =>
					path === location ? nodeFs.stat(path) : Promise.reject(error),
				statSync: () => {
					throw error;
				},
				readdir: () => Promise.reject(error),
			},
		});
		const failed = expect.objectContaining({
			name: "StorageError",
			cause: error,
		});
		await expect(faulty.read("packs", name)).rejects.toEqual(failed);
		await expect(faulty.size("packs", name)).rejects.toEqual(failed);
		await expect(faulty.list("packs")).rejects.toEqual(failed);
		await expect(faulty.listStages()).rejects.toEqual(failed);
		expect(() => faulty.blocking.size("packs", name)).toThrow(failed);
		expect(() =>
			faulty.blocking.readInto("packs", name, 0, new Uint8Array(1)),
		).toThrow(failed);
		await backend.close();
	});

	test("a bug is not taken for one", async () => {
		const bug = new TypeError("a bug");
		const { stage } = await openWith({
			fsync: () => Promise.reject(bug),
		});
		await expect(stage.putBytes("keys", "k", new Uint8Array(5))).rejects.toBe(
			bug,
		);
	});
});

describe("a repository that disappears", () => {
	test("is a failure, not an empty one", async () => {
		const { backend, stage } = await openWith();
		await stage.putBytes("packs", name, new Uint8Array(5));
		fs.renameSync(location, `${location}-away`);
		const gone = expect.objectContaining({ name: "StorageError" });
		await expect(backend.list("packs")).rejects.toEqual(gone);
		await expect(backend.list("config")).rejects.toEqual(gone);
		await expect(backend.size("packs", name)).rejects.toEqual(gone);
		await expect(backend.read("packs", name)).rejects.toEqual(gone);
		await expect(backend.listStages()).rejects.toEqual(gone);
		await expect(backend.fence(lease)).rejects.toEqual(gone);
		await expect(backend.stage(lease)).rejects.toEqual(gone);
	});

	test("is noticed too when another file system lies in its place", async () => {
		let device = 1;
		await createLocalBackend(location);
		const backend = await openLocalBackend(location, {
			fs: {
				...nodeFs,
				stat: async (path) =>
					Object.assign(await nodeFs.stat(path), { dev: device }),
			},
		});
		expect(await backend.list("packs")).toEqual([]);
		device = 2;
		await expect(backend.list("packs")).rejects.toMatchObject({
			name: "StorageError",
		});
	});
});

describe("the local listing", () => {
	test("leaves out what is no file, and packs in a folder that is not theirs", async () => {
		const { backend, stage } = await openWith();
		await stage.putBytes("packs", name, new Uint8Array(5));
		fs.writeFileSync(join(location, "packs/00", "ff".repeat(32)), "");
		fs.mkdirSync(join(location, "packs/00", "00".repeat(32)));
		fs.mkdirSync(join(location, "snapshots/folder"));
		expect(await backend.list("packs")).toEqual([{ name, size: 5 }]);
		expect(await backend.list("snapshots")).toEqual([]);
	});

	test("takes a folder that is missing for an empty one", async () => {
		const { backend } = await openWith();
		for (const kind of ["packs", "labels", "gc"] as const) {
			fs.rmSync(join(location, kind), { recursive: true });
			expect(await backend.list(kind)).toEqual([]);
		}
	});

	test("leaves out a file that vanishes while the folder is read", async () => {
		const { backend } = await openWith({
			readdir: async (path) => [...(await nodeFs.readdir(path)), "vanished"],
		});
		expect(await backend.list("snapshots")).toEqual([]);
	});

	test("of stages leaves out what is being deleted", async () => {
		const { backend, stage } = await openWith();
		fs.mkdirSync(join(location, `tmp/fenced-${lease}-0`));
		expect(await backend.listStages()).toEqual([stage.lease]);
		await backend.fence(stage.lease);
		expect(fs.readdirSync(join(location, "tmp"))).toEqual([]);
	});

	test("of what is being deleted tells the names, and deletes it with what is in it", async () => {
		const { backend, stage } = await openWith();
		const name = `fenced-${lease}-0`;
		fs.mkdirSync(join(location, "tmp", name));
		fs.writeFileSync(join(location, "tmp", name, "object-0"), "x");
		expect(await backend.listFenced()).toEqual([name]);
		await backend.clearFenced();
		expect(await backend.listFenced()).toEqual([]);
		expect(await backend.listStages()).toEqual([stage.lease]);
	});
});

describe("exclusive names", () => {
	test("are kept also where the file system has no hard links", async () => {
		const { stage } = await openWith({
			link: () => Promise.reject(failure("EPERM")),
		});
		const put = () =>
			stage.putBytes("keys", "k", new Uint8Array(5), { exclusive: true });
		await put();
		await expect(put()).rejects.toMatchObject({ code: "EXISTS" });
	});
});

describe("names", () => {
	test("that lead out of their folder are refused", async () => {
		const { backend, stage } = await openWith();
		for (const bad of ["../config", "a/b", "", ".", "..", ".hidden", "a\0b"]) {
			await expect(backend.read("keys", bad)).rejects.toThrow(/not a name/);
			await expect(
				stage.putBytes("keys", bad, new Uint8Array(1)),
			).rejects.toThrow(/not a name/);
		}
		await expect(backend.read("config", "other")).rejects.toThrow(/config/);
	});
});

describe("in other threads", () => {
	test("spools into the same stage, and reads of the same files", async () => {
		const { backend, stage } = await openWith();
		const worker = new Worker(
			`const { parentPort, workerData } = require("node:worker_threads");
			import("@varve/store").then(({ openSpool }) => {
				const spool = openSpool(workerData);
				const names = [1, 2, 3].map((n) => {
					const file = spool.create();
					file.write(new Uint8Array(n));
					file.close();
					return file.name;
				});
				parentPort.postMessage(names);
			});`,
			{ eval: true, workerData: stage.descriptor },
		);
		const names = await new Promise<string[]>((resolve, reject) => {
			worker.once("message", resolve);
			worker.once("error", reject);
		});
		await worker.terminate();
		expect(new Set([...names, stage.spool.create().name]).size).toBe(4);
		for (const [i, file] of names.entries())
			await stage.put("packs", `${i}`.repeat(64), file);
		const sizes = (await backend.list("packs")).map(({ size }) => size);
		expect(sizes.sort()).toEqual([1, 2, 3]);
		const reads = openBlockingReads(
			backend.descriptor as NonNullable<typeof backend.descriptor>,
		);
		expect(reads.size("packs", "2".repeat(64))).toBe(3);
		reads.close();
	});
});
