import {
	chmodSync,
	cpSync,
	existsSync,
	mkdirSync,
	readdirSync,
	readFileSync,
	rmSync,
	statSync,
	truncateSync,
	writeFileSync,
} from "node:fs";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, test } from "vitest";
import {
	expectAnswers,
	FakeRepository,
	makePack,
	newChunk,
} from "./index-fixture.ts";

let repository: FakeRepository;
/** The whole cache as it was when the index had been closed. */
let kept: string;
beforeEach(async () => {
	repository = new FakeRepository();
	await fill(12);
	await repository.check();
	// LevelDB puts what is in its log into a table when it is opened again.
	await repository.visit();
	kept = join(repository.folder, "kept");
	cpSync(repository.cacheFolder, kept, { recursive: true });
	expect(repository.warningCodes()).toEqual([]);
	const tables = filesOf(keptIndex()).filter((name) => name.endsWith(".ldb"));
	const sizes = tables.map((name) => statSync(join(keptIndex(), name)).size);
	expect(Math.max(...sizes)).toBeGreaterThan(3000);
});
afterEach(() => repository.dispose());

/** Segments of one pack each, with and without bases. */
async function fill(segments: number): Promise<void> {
	for (let i = 0; i < segments; i++) {
		const base = newChunk();
		await repository.addSegment(
			makePack([
				{ chunks: [base, newChunk(), newChunk()] },
				{ chunks: [newChunk()], bases: [base] },
			]),
		);
		await repository.addSnapshot(`2026-11-21T00:00:${10 + i}.000+00:00`);
	}
}

function putBack(): void {
	rmSync(repository.cacheFolder, { recursive: true, force: true });
	cpSync(kept, repository.cacheFolder, { recursive: true });
}

const filesOf = (index: string) =>
	readdirSync(index).filter(
		(name) => !["LOCK", "LOG", "LOG.old"].includes(name),
	);
const keptIndex = () => join(kept, repository.id, "index");

function flip(path: string, byte: number): void {
	const bytes = readFileSync(path);
	bytes[byte] = (bytes[byte] as number) ^ (1 << (byte % 8));
	writeFileSync(path, bytes);
}

/** Places at which a file of `size` bytes is damaged: all, or as many as a test has time for. */
function* placesIn(size: number, count: number): Generator<number> {
	const step = Math.max(1, Math.floor(size / count));
	for (let at = 0; at < size; at += step) yield at;
}

describe("T08 T09 the index, damaged while it was closed", () => {
	for (const [what, damage] of [
		["a bit flipped", flip],
		["cut off", truncateSync],
	] as const)
		test(`gives the same answers with any file ${what}`, async () => {
			let seen = 0;
			for (const name of filesOf(keptIndex())) {
				const size = statSync(join(keptIndex(), name)).size;
				for (const at of placesIn(size, 5)) {
					putBack();
					damage(join(repository.indexFolder, name), at);
					await repository.check();
					expect(repository.warningCodes()).toEqual(["INDEX_REBUILT"]);
					await repository.check();
					expect(repository.warningCodes()).toEqual([]);
					seen++;
				}
			}
			expect(seen).toBeGreaterThan(20);
		});

	test("gives the same answers with any file missing or empty", async () => {
		for (const name of filesOf(keptIndex()))
			for (const damage of [rmSync, truncateSync]) {
				putBack();
				damage(join(repository.indexFolder, name));
				await repository.check();
				// Without its seal the index looks as after a crash, which does no harm; the log was empty before.
				const harmless =
					damage === rmSync ? name === "VARVE-SEAL" : name.endsWith(".log");
				const codes = harmless ? 0 : 1;
				expect(repository.warningCodes()).toHaveLength(codes);
			}
	});

	test("gives the same answers when it is deleted, or anything else stands in its place", async () => {
		rmSync(repository.indexFolder, { recursive: true });
		await repository.check();
		expect(repository.warningCodes()).toEqual([]);
		rmSync(repository.indexFolder, { recursive: true });
		writeFileSync(repository.indexFolder, "a file");
		await repository.check();
		rmSync(repository.indexFolder, { recursive: true });
		mkdirSync(repository.indexFolder);
		await repository.check();
		rmSync(repository.cacheFolder, { recursive: true });
		await repository.check();
	});

	test("gives the same answers when an older copy is put back", async () => {
		await fill(12);
		const [first] = repository.segments.keys();
		await repository.removeSegment(first as string);
		const [pack] = repository.packs.keys();
		await repository.removePack(pack as string);
		await repository.check();
		const newer = filesOf(repository.indexFolder);
		putBack();
		expect(filesOf(repository.indexFolder)).not.toEqual(newer);
		await repository.check();
		expect(repository.warningCodes()).toEqual([]);
	});

	test("is not mistaken for that of another repository", async () => {
		const other = new FakeRepository();
		for (let i = 0; i < 12; i++)
			await other.addSegment(makePack([{ chunks: [newChunk()] }]));
		cpSync(
			repository.indexFolder,
			join(other.cacheFolder, "cd".repeat(32), "index"),
			{ recursive: true },
		);
		Object.assign(other, { id: "cd".repeat(32) });
		await other.check();
		expect(other.warningCodes()).toEqual(["INDEX_REBUILT"]);
		await other.dispose();
	});
});

describe("T08 the index, damaged after a crash, when there is no seal", () => {
	test("never answers wrongly, wherever a bit is flipped or a file is cut off", async () => {
		rmSync(join(keptIndex(), "VARVE-SEAL"));
		for (const damage of [flip, truncateSync]) {
			for (const name of filesOf(keptIndex())) {
				const size = statSync(join(keptIndex(), name)).size;
				for (const at of placesIn(size, 5)) {
					putBack();
					damage(join(repository.indexFolder, name), at);
					await checkMayMiss();
					await repository.check();
				}
			}
		}
	});

	/** A chunk that `find` does not know is only stored again; `places` knows them all. */
	async function checkMayMiss(): Promise<void> {
		const index = await repository.caughtUp();
		try {
			expectAnswers(repository, index, { mayMiss: true });
			const records = await index.records([...repository.snapshots.keys()]);
			expect(records).toEqual(repository.snapshots);
		} finally {
			await index.close();
		}
	}
});

describe("the cache folder", () => {
	test("that cannot be made costs a warning and nothing else", async () => {
		rmSync(repository.cacheFolder, { recursive: true });
		writeFileSync(repository.cacheFolder, "a file");
		await repository.check();
		const codes = repository.warningCodes();
		expect(codes).toContain("CACHE_UNUSABLE");
		expect(new Set(codes).size).toBe(1);
		const index = await repository.open();
		const records = await index.records([...repository.snapshots.keys()]);
		expect(records).toEqual(repository.snapshots);
		await index.setVerified([...repository.packs.keys()] as never[], 5);
		await index.close();
	});

	test.skipIf(process.getuid?.() === 0)(
		"that cannot be written costs a warning and nothing else",
		async () => {
			chmodSync(join(repository.cacheFolder, repository.id), 0o500);
			await repository.check();
			expect(repository.warningCodes()).toContain("CACHE_UNUSABLE");
			chmodSync(join(repository.cacheFolder, repository.id), 0o700);
		},
	);

	test("and all that is in it is for the user alone", () => {
		const folder = join(repository.cacheFolder, repository.id);
		expect(statSync(folder).mode & 0o777).toBe(0o700);
		expect(existsSync(repository.indexFolder)).toBe(true);
	});
});
