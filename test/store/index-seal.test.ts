import {
	mkdtempSync,
	readdirSync,
	readFileSync,
	rmSync,
	writeFileSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { createToolbox } from "@varve/kernel";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { isSoundTable } from "../../packages/store/src/check-table.ts";
import { Crc32c } from "../../packages/store/src/crc32c.ts";
import { checkSeal, writeSeal } from "../../packages/store/src/index-seal.ts";
import { openDatabase } from "../../packages/store/src/level-database.ts";

const { hash64 } = await createToolbox();
const folder = mkdtempSync(join(tmpdir(), "varve-seal-"));
afterAll(() => rmSync(folder, { recursive: true }));

/** A LevelDB with a table and a log. */
beforeAll(async () => {
	const put = async (create: boolean, from: number) => {
		const database = await openDatabase(folder, { create });
		await database.batch(
			Array.from({ length: 60 }, (_, i) => ({
				type: "put" as const,
				key: Uint8Array.of(from, i),
				value: new Uint8Array(100).fill(i * 7),
			})),
		);
		await database.close();
	};
	await put(true, 1);
	await put(false, 2);
	await writeSeal(folder, { files: new Map(), turn: 0 }, hash64);
});

const sealedFiles = () =>
	readdirSync(folder).filter((name) => !/^LO(CK|G)/.test(name));

/** Runs with another content of a file. */
async function withContent<T>(
	path: string,
	content: Uint8Array,
	work: () => Promise<T>,
): Promise<T> {
	const before = readFileSync(path);
	writeFileSync(path, content);
	try {
		return await work();
	} finally {
		writeFileSync(path, before);
	}
}

describe("T08 the seal of an index", () => {
	test("fits what it was made for", async () => {
		const seal = await checkSeal(folder, hash64);
		expect(seal?.files.size).toBe(sealedFiles().length - 1);
		expect(sealedFiles().some((name) => name.endsWith(".ldb"))).toBe(true);
		expect(sealedFiles().some((name) => name.endsWith(".log"))).toBe(true);
	});

	test("does not fit once any byte of any file, its own included, is another", async () => {
		for (const name of sealedFiles()) {
			const path = join(folder, name);
			const content = readFileSync(path);
			for (let at = 0; at < content.length; at += at < 300 ? 1 : 37) {
				content[at] = (content[at] as number) ^ 4;
				const seal = withContent(path, content, () =>
					checkSeal(folder, hash64),
				);
				expect(await seal, `${name} at ${at}`).toBeUndefined();
				content[at] = (content[at] as number) ^ 4;
			}
		}
	});

	test("does not fit once any file is shorter", async () => {
		for (const name of sealedFiles()) {
			const path = join(folder, name);
			const content = readFileSync(path);
			for (let length = 0; length < content.length; length += 53) {
				const seal = withContent(path, content.subarray(0, length), () =>
					checkSeal(folder, hash64),
				);
				expect(await seal, `${name} of ${length}`).toBeUndefined();
			}
		}
	});

	test("does not fit once a file is missing or one too many", async () => {
		const name = sealedFiles().find((n) => n.endsWith(".ldb")) as string;
		const path = join(folder, name);
		const content = readFileSync(path);
		rmSync(path);
		expect(await checkSeal(folder, hash64)).toBeUndefined();
		writeFileSync(path, content);
		writeFileSync(join(folder, "000099.ldb"), content);
		expect(await checkSeal(folder, hash64)).toBeUndefined();
		rmSync(join(folder, "000099.ldb"));
		expect(await checkSeal(folder, hash64)).toBeDefined();
	});

	test("has all tables hashed in turn, where they are many", async () => {
		const many = mkdtempSync(join(tmpdir(), "varve-seal-"));
		for (let i = 0; i < 5; i++)
			writeFileSync(
				join(many, `00000${i}.ldb`),
				new Uint8Array(8 * 1024 * 1024),
			);
		await writeSeal(many, { files: new Map(), turn: 0 }, hash64);
		const turns: number[] = [];
		for (let i = 0; i < 3; i++) {
			const seal = await checkSeal(many, hash64);
			if (seal === undefined) break;
			turns.push(seal.turn);
			await writeSeal(many, seal, hash64);
		}
		expect(turns).toEqual([2, 4, 6]);
		writeFileSync(
			join(many, "000001.ldb"),
			new Uint8Array(8 * 1024 * 1024).fill(1),
		);
		expect(await checkSeal(many, hash64)).toBeUndefined();
		rmSync(many, { recursive: true });
	});
});

describe("T08 a seal written later", () => {
	test("tells of a table that took the name of another", async () => {
		const seal = await checkSeal(folder, hash64);
		const name = sealedFiles().find((n) => n.endsWith(".ldb")) as string;
		const content = readFileSync(join(folder, name));
		rmSync(join(folder, name));
		writeFileSync(join(folder, name), new Uint8Array(content.length));
		await writeSeal(folder, seal as NonNullable<typeof seal>, hash64);
		expect(await checkSeal(folder, hash64)).toBeDefined();
		writeFileSync(join(folder, name), content);
		expect(await checkSeal(folder, hash64)).toBeUndefined();
		await writeSeal(folder, { files: new Map(), turn: 0 }, hash64);
	});
});

describe("T08 a table of LevelDB", () => {
	const table = () => {
		const name = sealedFiles().find((n) => n.endsWith(".ldb")) as string;
		return new Uint8Array(readFileSync(join(folder, name)));
	};

	test("is sound as LevelDB wrote it", () => {
		expect(isSoundTable(table())).toBe(true);
	});

	test("is not, with any byte changed that means something", () => {
		const bytes = table();
		const harmless: number[] = [];
		for (let at = 0; at < bytes.length; at++) {
			bytes[at] = (bytes[at] as number) ^ 1;
			if (isSoundTable(bytes)) harmless.push(at);
			bytes[at] = (bytes[at] as number) ^ 1;
		}
		// Only the padding in the footer.
		expect(harmless.every((at) => bytes[at] === 0)).toBe(true);
		expect(harmless.every((at) => at >= bytes.length - 48)).toBe(true);
	});

	test("is not, when it is shorter", () => {
		const bytes = table();
		for (let length = 0; length < bytes.length; length++)
			expect(isSoundTable(bytes.subarray(0, length))).toBe(false);
	});

	test("has CRCs as the standard's check value says", () => {
		const text = new TextEncoder().encode("123456789");
		expect(new Crc32c().of(text, 0, text.length)).toBe(0xe306_9283);
	});
});
