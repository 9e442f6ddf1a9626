import type { Bytes } from "@varve/format";
import { describe, expect, test } from "vitest";
import { seeded } from "../random.mjs";
import { type Loss, UnsyncedDisk } from "./loss.ts";
import type { DiskImage } from "./operations.ts";
import { failure, SimulatedFs } from "./simulated-fs.ts";

const bytesOf = (text: string) => new TextEncoder().encode(text);
const textOf = (bytes: Bytes) => new TextDecoder().decode(bytes);

/** Paths with their content; "/" at the end of a folder's. */
function listing(image: DiskImage): Record<string, string> {
	const found: Record<string, string> = {};
	const enter = (inode: number, path: string) => {
		const node = image.nodes.get(inode);
		if (node instanceof Uint8Array) found[path] = textOf(node);
		else {
			if (path !== "") found[`${path}/`] = "";
			for (const [name, child] of node ?? []) enter(child, `${path}/${name}`);
		}
	};
	enter(image.root, "");
	return found;
}

/** Does something on a disk with the folders /a and /b, and loses power. */
async function after(
	work: (fs: SimulatedFs["layer"], disk: SimulatedFs) => Promise<void>,
	loss: Omit<Loss, "random">,
	seed = 1,
): Promise<Record<string, string>> {
	const disk = new SimulatedFs();
	disk.makeFolder("/a");
	disk.makeFolder("/b");
	const base = disk.settle();
	await work(disk.layer, disk);
	const left = new UnsyncedDisk(base);
	for (const operation of disk.operations) left.apply(operation);
	return listing(left.afterLoss({ random: seeded(seed * 1_000_003), ...loss }));
}

type Fs = SimulatedFs["layer"];

async function write(fs: Fs, path: string, text: string): Promise<number> {
	const fd = await fs.open(path, "wx", 0o600);
	await fs.write(fd, bytesOf(text));
	return fd;
}

async function sync(fs: Fs, path: string): Promise<void> {
	const fd = await fs.open(path, "r");
	await fs.fsync(fd);
	await fs.close(fd);
}

const none = { names: 0, bytes: "none" } as const;
const namesOnly = { names: 1, bytes: "none" } as const;
const all = { names: 1, bytes: "all" } as const;
const folders = { "/a/": "", "/b/": "" };

describe("a power loss", () => {
	const writing = async (fs: Fs) => {
		await fs.fsync(await write(fs, "/a/x", "content"));
	};

	test("takes a synced file whose folder was not synced", async () => {
		expect(await after(writing, none)).toEqual(folders);
		expect(await after(writing, namesOnly)).toEqual({
			...folders,
			"/a/x": "content",
		});
	});

	test("takes the bytes of a file that was not synced, though its name is", async () => {
		const work = async (fs: Fs) => {
			await write(fs, "/a/x", "content");
			await sync(fs, "/a");
		};
		expect(await after(work, none)).toEqual({ ...folders, "/a/x": "" });
		expect(await after(work, all)).toEqual({ ...folders, "/a/x": "content" });
		const zeros = await after(work, { names: 0, bytes: "zeros" });
		expect(zeros["/a/x"]).toBe("\0".repeat(7));
	});

	test("leaves what was synced, and of what was appended since a part", async () => {
		const work = async (fs: Fs) => {
			const fd = await write(fs, "/a/x", "synced ");
			await fs.fsync(fd);
			await sync(fs, "/a");
			await fs.write(fd, bytesOf("unsynced"));
		};
		const lengths = new Set<number>();
		for (let seed = 1; seed < 100; seed++) {
			const { "/a/x": text = "" } = await after(
				work,
				{ names: 0.5, bytes: "any" },
				seed,
			);
			expect(text.startsWith("synced ")).toBe(true);
			lengths.add(text.length);
		}
		expect(lengths.size).toBeGreaterThan(4);
	});

	test("splits a rename to another folder, and none within one", async () => {
		const across = async (fs: Fs) => {
			await writing(fs);
			await sync(fs, "/a");
			await fs.rename("/a/x", "/b/y");
		};
		const within = async (fs: Fs) => {
			await writing(fs);
			await sync(fs, "/a");
			await fs.rename("/a/x", "/a/y");
		};
		const seen = new Set<string>();
		const seenWithin = new Set<string>();
		const loss = { names: 0.5, bytes: "all" } as const;
		const namesOf = (found: object) =>
			Object.keys(found)
				.filter((path) => !path.endsWith("/"))
				.join();
		for (let seed = 1; seed < 60; seed++) {
			seen.add(namesOf(await after(across, loss, seed)));
			seenWithin.add(namesOf(await after(within, loss, seed)));
		}
		expect([...seen].sort()).toEqual(["", "/a/x", "/a/x,/b/y", "/b/y"]);
		expect([...seenWithin].sort()).toEqual(["/a/x", "/a/y"]);
	});

	test("undoes changes of different names in any order, of one name from the last on", async () => {
		const work = async (fs: Fs) => {
			await write(fs, "/a/x", "1");
			await fs.unlink("/a/x");
			await write(fs, "/a/x", "2");
			await write(fs, "/a/y", "3");
		};
		const seen = new Set<string>();
		for (let seed = 1; seed < 100; seed++) {
			const found = await after(work, { names: 0.5, bytes: "all" }, seed);
			seen.add(`${found["/a/x"]} ${found["/a/y"]}`);
		}
		const possible = ["1", "2", "undefined"].flatMap((x) => [
			`${x} 3`,
			`${x} undefined`,
		]);
		expect([...seen].sort()).toEqual(possible.sort());
	});

	test("takes what was in a folder that was made, unless it was synced itself", async () => {
		const work = async (fs: Fs) => {
			await fs.mkdir("/a/new", 0o700);
			await fs.fsync(await write(fs, "/a/new/x", "content"));
			await sync(fs, "/a");
		};
		expect(await after(work, none)).toEqual({ ...folders, "/a/new/": "" });
		const synced = async (fs: Fs) => {
			await work(fs);
			await sync(fs, "/a/new");
		};
		expect(await after(synced, none)).toEqual({
			...folders,
			"/a/new/": "",
			"/a/new/x": "content",
		});
	});

	test("takes what a failed sync was to write, also after one that succeeded (T03)", async () => {
		const work = async (fs: Fs, disk: SimulatedFs) => {
			const fd = await write(fs, "/a/x", "content");
			await sync(fs, "/a");
			disk.options = { fail: () => failure("EIO", "fsync", "/a/x") };
			await expect(fs.fsync(fd)).rejects.toThrow("EIO");
			disk.options = {};
			await fs.fsync(fd);
			const target = new Uint8Array(7);
			expect(await fs.read(fd, target, 0)).toBe(7);
		};
		expect(await after(work, all)).toEqual({ ...folders, "/a/x": "" });
	});
});
