import {
	closeSync,
	mkdirSync,
	openSync,
	truncateSync,
	writeFileSync,
	writeSync,
} from "node:fs";
import { join } from "node:path";
import {
	blankNode,
	type Content,
	compareBytes,
	FrameKind,
	ItemKind,
	idBytes,
	NodeKind,
	type PackId,
	type Place,
	type Root,
	utf8,
} from "@varve/format";
import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { sameAccounts } from "../../packages/core/src/accounts.ts";
import {
	flattenContent,
	partsOf,
} from "../../packages/core/src/restore/file-parts.ts";
import { FileWindow } from "../../packages/core/src/restore/file-window.ts";
import { locate } from "../../packages/core/src/restore/locate.ts";
import { Owners } from "../../packages/core/src/restore/owners.ts";
import { partColumns } from "../../packages/core/src/restore/part-columns.ts";
import { PartReader } from "../../packages/core/src/restore/part-reader.ts";
import {
	type BatchLimits,
	planWindow,
} from "../../packages/core/src/restore/plan-window.ts";
import { needOf } from "../../packages/core/src/restore/space.ts";
import { TargetTree } from "../../packages/core/src/restore/target-tree.ts";
import type { PartColumns } from "../../packages/core/src/restore/tasks.ts";
import { sortIds } from "../../packages/core/src/sort-ids.ts";
import { directory, FakeObjects, sha256Hex, symlink } from "./fake-objects.ts";
import { noise, readingPlace } from "./reading-workplace.ts";

const place = readingPlace("plan");

describe("sorting ids", () => {
	test("gives each id once, ascending, and where each given one is", () => {
		const byte = fc.constantFrom(0, 1, 127, 128, 255);
		const id = fc.array(byte, { minLength: idBytes, maxLength: idBytes });
		fc.assert(
			fc.property(fc.array(id, { maxLength: 40 }), (ids) => {
				const given = Uint8Array.from(ids.flat());
				const { ids: sorted, rankOf } = sortIds(given, ids.length);
				const at = (bytes: Uint8Array, i: number) =>
					bytes.subarray(i * idBytes, (i + 1) * idBytes);
				for (let i = 1; i < sorted.length / idBytes; i++)
					expect(compareBytes(at(sorted, i - 1), at(sorted, i))).toBeLessThan(
						0,
					);
				ids.forEach((_, i) => {
					expect(at(sorted, rankOf[i] as number)).toEqual(at(given, i));
				});
			}),
			{ seed: 1, numRuns: 200 },
		);
	});
});

/** A chunk's id tells its place: pack, frame in it, ordinal in that. */
const chunk = (pack: number, frame: number, ordinal: number) => {
	const id = new Uint8Array(idBytes).fill(7);
	id.set([255 - ordinal, frame, pack]);
	return id;
};
const packOf = (n: number) => n.toString(16).padStart(64, "0") as PackId;

function findPlaces(ids: Uint8Array): (Place | undefined)[] {
	return Array.from({ length: ids.length / idBytes }, (_, i) => {
		const [ordinal, frame, pack] = ids.subarray(i * idBytes, i * idBytes + 3);
		if (pack === 9) return undefined;
		return {
			pack: packOf(pack as number),
			packSize: 0,
			kind: FrameKind.content,
			offset: 48 + (frame as number) * 100,
			storedLength: 100,
			rawLength: 1000,
			bases: new Uint8Array(0),
			ordinal: 255 - (ordinal as number),
			length: 10,
		};
	});
}

function windowOf(files: { [suffix: string]: (Uint8Array | number)[] }) {
	const window = new FileWindow(100);
	for (const [suffix, items] of Object.entries(files)) {
		const chunks = items.filter((item) => typeof item !== "number");
		const content: Content = {
			kinds: items.map((i) =>
				typeof i === "number" ? ItemKind.zeros : ItemKind.chunk,
			),
			lengths: items.map((i) => (typeof i === "number" ? i : 10)),
			ids: Uint8Array.from(chunks.flatMap((id) => [...id])),
		};
		const node = { ...blankNode(utf8("x"), NodeKind.file), mode: 0o640 };
		window.add({
			suffix,
			node,
			content,
			descriptor: -1,
			position: 0,
			isLast: true,
		});
	}
	return window;
}

/** Items of a part as text: "pack/offset#ordinal", or "0 × length". */
function itemsOf(
	parts: PartColumns,
	part: number,
	frames: { packs: readonly string[]; pack: Uint32Array; offset: Uint32Array },
): string[] {
	const items: string[] = [];
	const end = parts.firstItem[part + 1] as number;
	for (let i = parts.firstItem[part] as number; i < end; i++) {
		const frame = parts.frame[i] as number;
		if (frame < 0) items.push(`0 × ${parts.length[i]}`);
		else {
			const pack = Number.parseInt(
				frames.packs[frames.pack[frame] as number] as string,
				16,
			);
			items.push(`${pack}/${frames.offset[frame]}#${parts.ordinal[i]}`);
		}
	}
	return items;
}

const wide: BatchLimits = { rawBytes: 1e9, contentBytes: 1e9, parts: 1e6 };

function describePlan(window: FileWindow, limits = wide) {
	const { batches, missing } = planWindow(window, findPlaces, limits);
	return {
		missing: missing.map(({ part }) => window.suffixes[part]),
		batches: batches.map(({ frames, parts }) => ({
			frames: Array.from(
				frames.offset,
				(offset, i) =>
					`${Number.parseInt(frames.packs[frames.pack[i] as number] as string, 16)}/${offset}`,
			),
			files: parts.suffixes.map(
				(suffix, i) => `${suffix}: ${itemsOf(parts, i, frames).join(" ")}`,
			),
		})),
	};
}

describe("the plan of a window", () => {
	test("orders files by the frames of their first chunks, packs as they first occur", () => {
		const window = windowOf({
			"/a": [chunk(2, 1, 0)],
			"/b": [chunk(1, 0, 0)],
			"/c": [chunk(2, 0, 5), chunk(1, 0, 1)],
			"/d": [],
			"/e": [chunk(2, 1, 1)],
		});
		const plan = describePlan(window);
		expect(plan.missing).toEqual([]);
		expect(plan.batches).toHaveLength(1);
		expect(new Set(plan.batches[0]?.frames)).toEqual(
			new Set(["1/48", "2/48", "2/148"]),
		);
		const files = plan.batches[0]?.files as string[];
		expect(files[0]).toBe("/d: ");
		const at = (name: string) =>
			files.findIndex((file) => file.startsWith(name));
		expect(at("/e") - at("/a")).toBe(1);
		expect(files[at("/c")]).toBe("/c: 2/48#5 1/48#1");
	});

	test("keeps zeros in their place among chunks", () => {
		const window = windowOf({ "/z": [70_000, chunk(1, 0, 3), 5] });
		expect(describePlan(window).batches[0]?.files).toEqual([
			"/z: 0 × 70000 1/48#3 0 × 5",
		]);
	});

	test("tells files with a chunk in no pack apart", () => {
		const window = windowOf({
			"/bad": [chunk(1, 0, 0), chunk(9, 0, 0)],
			"/good": [chunk(1, 0, 0)],
		});
		const plan = describePlan(window);
		expect(plan.missing).toEqual(["/bad"]);
		expect(plan.batches.flatMap(({ files }) => files)).toEqual([
			"/good: 1/48#0",
		]);
	});

	test("begins a new batch with a new frame, not within one", () => {
		const files = Object.fromEntries(
			Array.from({ length: 30 }, (_, i) => [
				`/f${i}`,
				[chunk(1, Math.floor(i / 10), i % 10)],
			]),
		);
		const sizes = (limits: Partial<BatchLimits>) =>
			describePlan(windowOf(files), { ...wide, ...limits }).batches.map(
				(batch) => batch.files.length,
			);
		expect(sizes({ parts: 5 })).toEqual([10, 10, 10]);
		expect(sizes({ rawBytes: 2000 })).toEqual([20, 10]);
		expect(sizes({ contentBytes: 150 })).toEqual([20, 10]);
		expect(sizes({ parts: 2 })).toEqual([8, 2, 8, 2, 8, 2]);
	});

	test("brings the places of the bases that the frames of a batch have", () => {
		const base = chunk(3, 2, 1);
		const places = (ids: Uint8Array) =>
			findPlaces(ids).map((found, i) =>
				found !== undefined && ids[i * idBytes + 2] === 1
					? { ...found, bases: base }
					: found,
			);
		const window = windowOf({
			"/plain": [chunk(2, 0, 0)],
			"/delta": [chunk(1, 0, 0)],
		});
		const { batches } = planWindow(window, places, { ...wide, parts: 1 });
		const found = batches.map(({ parts, bases }) => [
			parts.suffixes[0],
			bases?.places.map((place) => place?.pack),
		]);
		expect(Object.fromEntries(found)).toEqual({
			"/plain": undefined,
			"/delta": [packOf(3)],
		});
	});

	test("loses no file and no item, whatever the limits are", () => {
		const item = fc.oneof(
			fc.integer({ min: 1, max: 100_000 }),
			fc
				.tuple(fc.nat(2), fc.nat(3), fc.nat(4))
				.map(([pack, frame, ordinal]) => chunk(pack, frame, ordinal)),
		);
		fc.assert(
			fc.property(
				fc.array(fc.array(item, { maxLength: 5 }), { maxLength: 20 }),
				fc.integer({ min: 1, max: 8 }),
				fc.integer({ min: 1, max: 5000 }),
				(contents, parts, rawBytes) => {
					const files = Object.fromEntries(
						contents.map((items, i) => [`/${i}`, items]),
					);
					const plan = describePlan(windowOf(files), {
						contentBytes: 1e9,
						parts,
						rawBytes,
					});
					const planned = plan.batches.flatMap((batch) => batch.files).sort();
					const expected = contents
						.map((items, i) => {
							const texts = items.map((one) =>
								typeof one === "number"
									? `0 × ${one}`
									: `${one[2]}/${48 + (one[1] as number) * 100}#${255 - (one[0] as number)}`,
							);
							return `/${i}: ${texts.join(" ")}`;
						})
						.sort();
					expect(planned).toEqual(expected);
				},
			),
			{ seed: 2, numRuns: 200 },
		);
	});
});

describe("parts of a file", () => {
	const objects = new FakeObjects(1000);

	test("a content with lists becomes flat", () => {
		const bytes = noise(20_000);
		const content = objects.putContent(bytes);
		expect(content.kinds).toContain(ItemKind.list);
		const node = { ...blankNode(utf8("x"), NodeKind.file), content };
		const flat = flattenContent(objects, node);
		expect(flat.kinds).toEqual(Array(20).fill(ItemKind.chunk));
		expect(flat.ids.length).toBe(20 * idBytes);
	});

	test("parts cover the file without gaps, in order", () => {
		const long = new FakeObjects(3_000_000);
		const content = long.putContent(noise(20_000_000));
		const node = { ...blankNode(utf8("x"), NodeKind.file), content };
		let end = 0;
		let count = 0;
		for (const part of partsOf(long, node)) {
			expect(part.position).toBe(end);
			end += part.content.lengths.reduce((a, b) => a + b, 0);
			count++;
		}
		expect(end).toBe(20_000_000);
		expect(count).toBeGreaterThan(1);
	});
});

describe("locating a path in a snapshot", () => {
	const objects = new FakeObjects();
	const tree = objects.putTree({
		doc: directory({ "a.txt": "1", man: directory({}) }),
		link: symlink("doc"),
	});
	const times = { mtime: 0, mtimeNs: 0 };
	const attributes = { mode: 0o755, uid: 0, gid: 0, ...times, xattrs: [] };
	const root = (path: string): Root => ({
		path,
		kind: "directory",
		tree,
		...attributes,
	});
	const find = (roots: string[], path: string | undefined) => {
		const { prefix, found } = locate(objects, { roots: roots.map(root) }, path);
		return `${prefix} > ${found.map((f) => `${f.type} ${f.root} ${f.path}`).join(", ")}`;
	};

	test.each([
		[undefined, " > directory 0 /usr/share, directory 1 /opt"],
		["/", " > directory 0 /usr/share, directory 1 /opt"],
		["/usr", "/usr > directory 0 /usr/share"],
		["/usr/share/", "/usr/share > directory 0 /usr/share"],
		["/usr/share/doc", "/usr/share/doc > directory 0 /usr/share/doc"],
		["/usr//share/./doc", "/usr/share/doc > directory 0 /usr/share/doc"],
		["/opt/doc/a.txt", "/opt/doc > entry 1 /opt/doc/a.txt"],
		["/opt/link", "/opt > entry 1 /opt/link"],
	])("%s", (path, expected) => {
		expect(find(["/usr/share", "/opt"], path)).toBe(expected);
	});

	test("takes a path without a slash before it below the only root that holds it", () => {
		expect(find(["/usr/share"], "doc/man")).toBe(
			"/usr/share/doc/man > directory 0 /usr/share/doc/man",
		);
		expect(() => find(["/usr/share", "/opt"], "doc")).toThrowError(
			expect.objectContaining({ code: "BAD_PATH" }),
		);
	});

	test("finds what lies in a root that is the whole file system", () => {
		expect(find(["/"], "/doc/a.txt")).toBe("/doc > entry 0 /doc/a.txt");
		expect(find(["/"], undefined)).toBe(" > directory 0 ");
	});

	test.each([
		"/usr/sha",
		"/opt/doc/none",
		"/opt/doc/a.txt/b",
		"/opt/link/a.txt",
	])("does not find %s", (path) => {
		expect(() => find(["/usr/share", "/opt"], path)).toThrowError(
			expect.objectContaining({ name: "NotFoundError", code: "NO_SUCH_PATH" }),
		);
	});

	test("refuses ..", () => {
		expect(() => find(["/opt"], "/opt/doc/../link")).toThrowError(
			expect.objectContaining({ name: "InputError" }),
		);
	});
});

describe("owners (T81)", () => {
	const judged = (
		rules: { uid: number; inheritsGroup?: boolean },
		[mode, uid, gid]: [number, number, number],
	) => {
		const owners = new Owners({
			uid: rules.uid,
			gid: rules.uid,
			groups: [50],
			inheritsGroup: rules.inheritsGroup ?? false,
			accounts: sameAccounts,
		});
		owners.judge(mode, uid, gid);
		const { changes, lostOwner, lostSetId } = owners;
		return {
			to: changes ? `${owners.uid}:${owners.gid}` : "same",
			mode: owners.mode.toString(8),
			lost: `${lostOwner ? "owner " : ""}${lostSetId ? "bits" : ""}`.trim(),
		};
	};

	test("root gives everything back, and calls nothing where nothing differs", () => {
		const root = { uid: 0 };
		expect(judged(root, [0o6755, 7, 8])).toEqual({
			to: "7:8",
			mode: "6755",
			lost: "",
		});
		expect(judged(root, [0o644, 0, 0]).to).toBe("same");
		expect(judged({ uid: 0, inheritsGroup: true }, [0o644, 0, 0]).to).toBe(
			"0:0",
		);
	});

	test("others keep their own files and groups", () => {
		const me = { uid: 1000 };
		expect(judged(me, [0o4755, 1000, 1000])).toEqual({
			to: "same",
			mode: "4755",
			lost: "",
		});
		expect(judged(me, [0o2755, 1000, 50])).toEqual({
			to: "1000:50",
			mode: "2755",
			lost: "",
		});
	});

	test("a set-id bit is never given to someone it was not meant for", () => {
		const me = { uid: 1000 };
		expect(judged(me, [0o6755, 0, 0])).toEqual({
			to: "same",
			mode: "755",
			lost: "owner bits",
		});
		expect(judged(me, [0o6755, 1000, 60])).toEqual({
			to: "same",
			mode: "4755",
			lost: "owner bits",
		});
		expect(judged(me, [0o1777, 0, 0])).toMatchObject({
			mode: "1777",
			lost: "owner",
		});
	});
});

describe("reading back", () => {
	const folder = place.fresh("restored");
	const target = { path: folder, descriptor: -1 };
	const reader = new PartReader(new TargetTree(target), {
		sha256: (bytes) => Uint8Array.from(Buffer.from(sha256Hex(bytes), "hex")),
	});
	const objects = new FakeObjects(100);
	const bytes = new Uint8Array([...noise(250), ...new Uint8Array(70_000), 1]);
	const node = {
		...blankNode(utf8("x"), NodeKind.file),
		content: objects.putContent(bytes),
	};

	let count = 0;
	const compare = (written: Uint8Array | undefined) => {
		mkdirSync(folder, { recursive: true });
		const suffix = `/f${++count}`;
		if (written !== undefined) writeFileSync(join(folder, suffix), written);
		const window = new FileWindow(10);
		const content = flattenContent(objects, node);
		const rest = { descriptor: -1, position: 0, isLast: true };
		window.add({ suffix, node, content, ...rest });
		const parts = partColumns(window, Uint32Array.of(0), undefined);
		const task = { type: "check", id: 1, target, parts } as const;
		const { files, problems } = reader.compare(task);
		return problems.length === 0 ? files : problems.map((p) => p.reason);
	};

	test("finds a file that is as it was written", () => {
		expect(compare(bytes)).toBe(1);
	});

	test.each([
		["a changed byte", (b: Uint8Array) => b.fill(9, 120, 121)],
		["a byte among zeros", (b: Uint8Array) => b.fill(1, 5000, 5001)],
		["a missing end", (b: Uint8Array) => b.slice(0, -1)],
		["bytes too many", (b: Uint8Array) => new Uint8Array([...b, 0])],
	])("finds %s", (_, change) => {
		expect(compare(change(bytes.slice()))).toEqual(["DIFFERS"]);
	});

	test("T72 believes in holes, and finds a byte in one", () => {
		mkdirSync(folder, { recursive: true });
		const length = 2 ** 32;
		const content = {
			kinds: [ItemKind.zeros],
			lengths: [length],
			ids: new Uint8Array(0),
		};
		const read = (change?: (path: string) => void) => {
			const suffix = `/f${++count}`;
			const path = join(folder, suffix);
			writeFileSync(path, "");
			truncateSync(path, length);
			change?.(path);
			const window = new FileWindow(1);
			const rest = { descriptor: -1, position: 0, isLast: true };
			const sparse = { ...node, content, holes: true };
			window.add({ suffix, node: sparse, content, ...rest });
			const parts = partColumns(window, Uint32Array.of(0), undefined);
			const task = { type: "check", id: 1, target, parts } as const;
			return reader.compare(task).problems.map((p) => p.message);
		};
		expect(read()).toEqual([]);
		const at = 2 ** 31 + 12_345;
		const changed = read((path) => {
			const fd = openSync(path, "r+");
			writeSync(fd, Uint8Array.of(1), 0, 1, at);
			closeSync(fd);
		});
		expect(changed).toEqual([expect.stringContaining("from byte 0 on")]);
	});

	test("finds that a file is gone", () => {
		expect(compare(undefined)).toEqual(["ENOENT"]);
	});
});

describe("the room a restore needs", () => {
	test("is whole blocks, without holes, and each linked file once", () => {
		const objects = new FakeObjects(1000);
		const file = (length: number, zeros: number, holes: boolean) => ({
			...blankNode(utf8("x"), NodeKind.file),
			holes,
			content: objects.putContent(
				new Uint8Array([...noise(length), ...new Uint8Array(zeros)]),
			),
		});
		const nodes = [
			file(1, 0, false),
			file(100, 100_000, true),
			file(100, 100_000, false),
			file(5000, 100_000, true),
			file(9, 0, false),
		];
		const entries = nodes.map((node, i) => ({
			type: "node" as const,
			suffix: `/${i}`,
			root: 0,
			node,
		}));
		const need = needOf(entries, {
			objects,
			blockBytes: 4096,
			isLinked: ({ suffix }) => suffix === "/4",
		});
		expect(need).toEqual({
			entries: 4,
			bytes: 4096 + 4096 + 25 * 4096 + 8192,
		});
	});
});
