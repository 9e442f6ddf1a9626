import {
	appendFileSync,
	mkdtempSync,
	renameSync,
	rmSync,
	truncateSync,
	utimesSync,
	writeFileSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, describe, expect, test } from "vitest";
import { noXattrs } from "../../packages/core/src/native/xattr-reader.ts";
import { FileStat } from "../../packages/core/src/snapshot/file-stat.ts";
import type { Ingest } from "../../packages/core/src/snapshot/ingest.ts";
import { readFile } from "../../packages/core/src/snapshot/read-file.ts";
import { createSourceFs } from "../../packages/core/src/snapshot/source-fs.ts";
import {
	newStatColumns,
	setStat,
} from "../../packages/core/src/snapshot/stat-columns.ts";
import { Outcome } from "../../packages/core/src/snapshot/tasks.ts";

const folder = mkdtempSync(join(tmpdir(), "varve-read-file-"));
afterAll(() => rmSync(folder, { recursive: true }));
const longAgo = 1_700_000_000;

/** Takes what is read; its only item is as long as that. */
class Memory {
	readonly #window = new Uint8Array(1000);
	bytes = "";

	begin(): void {
		this.bytes = "";
	}
	window(): Uint8Array {
		return this.#window;
	}
	take(count: number): void {
		this.bytes += Buffer.from(this.#window.subarray(0, count)).toString();
	}
	abandon(): void {
		this.bytes = "";
	}
	finish() {
		const { length } = this.bytes;
		return {
			kinds: [1],
			lengths: [length],
			ids: new Uint8Array(32),
			spanEnds: [1],
		};
	}
}

/** Reads a file of so many bytes, with something that happens after each read, told the number of the read. */
function read(size: number, onRead: (path: string, turn: number) => void) {
	const path = join(folder, "file");
	writeFileSync(path, "a".repeat(size));
	utimesSync(path, longAgo, longAgo);
	const stats = newStatColumns(1);
	const lstat = createSourceFs().lstat(path);
	if (lstat === undefined) throw new Error("it is not there");
	setStat(stats, 0, lstat);
	const memory = new Memory();
	let turn = 0;
	const result = readFile(memory as unknown as Ingest, {
		path,
		stats,
		index: 0,
		span: undefined,
		former: undefined,
		throttle: () => onRead(path, ++turn),
		manners: { noAccessTime: true },
		stat: new FileStat(),
		xattrs: { ofOpen: () => noXattrs } as never,
	});
	return { result, memory, turns: turn };
}

describe("reading a file", () => {
	test("that nobody touches gives its content, and nothing new of it", () => {
		const { result, memory } = read(2500, () => {});
		expect(result).toMatchObject({ outcome: Outcome.read, stat: undefined });
		expect(memory.bytes).toBe("a".repeat(2500));
	});

	test("T61 that changes once is read again, and whole", () => {
		for (const change of [
			(path: string) => appendFileSync(path, "b"),
			(path: string) => truncateSync(path, 100),
			(path: string) => writeFileSync(path, "b".repeat(2500)),
		]) {
			const { result, memory } = read(2500, (path, turn) => {
				if (turn === 2) change(path);
			});
			expect(result).toMatchObject({
				outcome: Outcome.read,
				stat: { size: BigInt(memory.bytes.length) },
			});
			expect(memory.bytes).toMatch(/^(a+b|a{100}|b{2500})$/);
		}
	});

	test("T61 that changes each time is kept as it came and marked, its length what was read", () => {
		const { result, memory, turns } = read(2500, (path) =>
			writeFileSync(path, "b".repeat(2500)),
		);
		expect(result).toMatchObject({
			outcome: Outcome.torn,
			items: { lengths: [memory.bytes.length] },
		});
		expect(turns).toBe(9);
	});

	test("T61 that grows as fast as it is read comes to an end", () => {
		const { result, memory, turns } = read(2500, (path, turn) => {
			if (turn > 200) throw new Error("it is read for ever");
			appendFileSync(path, "b".repeat(1500));
		});
		expect(result).toMatchObject({
			outcome: Outcome.torn,
			items: { lengths: [memory.bytes.length] },
		});
		expect(turns).toBeLessThan(200);
	});

	test("T61 that shrinks below what was read already is kept as it came", () => {
		let size = 90_000;
		const { result, memory } = read(size, (path) => {
			size -= 1000;
			truncateSync(path, size);
		});
		expect(result).toMatchObject({
			outcome: Outcome.torn,
			items: { lengths: [memory.bytes.length] },
		});
		expect(memory.bytes.length).toBeGreaterThan(0);
	});

	test("T61 that another one replaces is read from the file that was opened, and told from its inode", () => {
		const { result, memory } = read(2500, (path, turn) => {
			if (turn > 1) return;
			writeFileSync(`${path}.new`, "new");
			renameSync(`${path}.new`, path);
		});
		expect(memory.bytes).toBe("a".repeat(2500));
		expect(result).toMatchObject({ outcome: Outcome.read });
	});
});
