// Measures the index: searching segments in place, joining them, LevelDB, merging, records. Best of some runs, in CPU time and on
// the clock: node bench/store/index.mjs [folder for temporary files]

import { createHash, randomBytes } from "node:crypto";
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { encodeRecord, noStatistics, wholeScope } from "@varve/format";
import { createToolbox } from "@varve/kernel";
import { createLocalBackend, openRepositoryIndex } from "@varve/store";
import { joinSegment } from "../../packages/store/dist/join-segment.js";
import { PageCache } from "../../packages/store/dist/page-cache.js";
import { openSegmentFile } from "../../packages/store/dist/segment-file.js";
import { SegmentSearch } from "../../packages/store/dist/segment-search.js";
import { SegmentSource } from "../../packages/store/dist/segment-source.js";
import { madeUpPacks, madeUpSegment, sortedIds, thinned } from "./made-up.mjs";

const folder = mkdtempSync(join(process.argv[2] ?? tmpdir(), "varve-bench-"));
const { hash64 } = await createToolbox();
const counts = () => true;
const runs = 5;

/** Runs `work` on what `prepare` makes, some times, and prints the best. */
async function measure(what, prepare, work, per = 1) {
	let clock = Infinity;
	let cpu = Infinity;
	for (let run = 0; run < runs; run++) {
		const subject = await prepare();
		const cpuBefore = process.cpuUsage();
		const before = performance.now();
		await work(subject);
		clock = Math.min(clock, performance.now() - before);
		const { user, system } = process.cpuUsage(cpuBefore);
		cpu = Math.min(cpu, (user + system) / 1000);
		await subject?.close?.();
	}
	const each = per === 1 ? "" : `  ${((cpu * 1000) / per).toFixed(2)} µs each`;
	console.log(
		`${what.padEnd(58)} ${clock.toFixed(1).padStart(8)} ms ${cpu.toFixed(1).padStart(8)} ms CPU${each}`,
	);
}

function writeSegment(chunks) {
	const packs = madeUpPacks(chunks);
	const { bytes, name } = madeUpSegment(packs);
	const path = join(folder, name);
	writeFileSync(path, bytes);
	return { packs, name, size: bytes.length, ids: sortedIds(packs), path };
}

const openSource =
	({ path, name }) =>
	() =>
		new SegmentSource(
			new SegmentSearch(openSegmentFile(path, name), new PageCache()),
		);

async function measureInPlace(chunks) {
	const segment = writeSegment(chunks);
	const title = `${chunks} chunks, ${(segment.size / 1e6).toFixed(1)} MB`;
	const misses = new Uint8Array(randomBytes(32 * 20_000));
	const hits = new Uint8Array(misses.length);
	for (let i = 0; i < 20_000; i++) {
		const at = ((i * 7919) % chunks) * 32;
		hits.set(segment.ids.subarray(at, at + 32), i * 32);
	}
	for (const [what, ids] of [
		["misses", misses],
		["hits", hits],
	])
		await measure(
			`${title}: 20,000 ${what} in place`,
			openSource(segment),
			(source) => findAll(source, ids),
			20_000,
		);
	for (const step of [1, 16, 256, 1024]) {
		const ids = thinned(segment.ids, step);
		await measure(
			`${title}: 1 in ${step} by search`,
			openSource(segment),
			(source) => findAll(source, ids),
			ids.length / 32,
		);
		await measure(
			`${title}: 1 in ${step} by join`,
			openSource(segment),
			({ search }) =>
				joinSegment(search, { ids, needs: counts, found: counts }),
			ids.length / 32,
		);
	}
}

function findAll(source, ids) {
	for (let at = 0; at < ids.length; at += 32) source.find(ids, at, counts);
}

function makeRecord(i) {
	const root = {
		path: "/usr/share/doc",
		kind: "directory",
		tree: randomBytes(32).toString("hex"),
		mode: 0o755,
		uid: 0,
		gid: 0,
		mtime: 1,
		mtimeNs: 2,
	};
	return {
		time: new Date(1_700_000_000_000 + i).toISOString().replace("Z", "+00:00"),
		host: "host",
		user: "user",
		roots: [root],
		scope: wholeScope,
		tags: ["nightly"],
		pin: false,
		note: "",
		program: "varve 0.1.0",
		statistics: noStatistics,
		unread: [],
		notKept: {},
		users: { 0: "root" },
		groups: { 0: "root" },
		provenance: {},
		known: { count: i, hash: randomBytes(32).toString("hex") },
		features: [],
	};
}

const sha256Hex = (bytes) => createHash("sha256").update(bytes).digest("hex");

/** A repository of made-up segments and records, and an index on it. */
async function makeRepository(name, { segments, chunks, snapshots }) {
	const location = join(folder, name);
	const backend = await createLocalBackend(location);
	const made = Array.from({ length: segments }, () => madeUpPacks(chunks));
	const listing = {
		packs: made.flat().map(({ id, size }) => ({ name: id, size })),
		segments: [],
		snapshots: [],
		condemned: new Set(),
	};
	for (const packs of made) {
		const { bytes, name } = madeUpSegment(packs);
		writeFileSync(join(location, "segments", name), bytes);
		listing.segments.push({ name, size: bytes.length });
	}
	for (let i = 0; i < snapshots; i++) {
		const bytes = encodeRecord(makeRecord(i));
		const name = sha256Hex(bytes);
		writeFileSync(join(location, "snapshots", name), bytes);
		listing.snapshots.push({ name, size: bytes.length });
	}
	const cacheFolder = join(location, "cache");
	mkdirSync(cacheFolder);
	const open = () =>
		openRepositoryIndex({
			backend,
			cacheFolder,
			repositoryId: "11".repeat(32),
			hash64,
			sha256Hex,
			warn: console.error,
		});
	return { open, listing, ids: sortedIds(made.flat()), cacheFolder };
}

async function measurePlaces(segments, chunks) {
	const it = await makeRepository(`places-${segments}-${chunks}`, {
		segments,
		chunks,
		snapshots: 0,
	});
	const count = segments * chunks;
	const title = `${segments} × ${chunks} chunks`;
	const openFresh = async () => {
		rmSync(it.cacheFolder, { recursive: true, force: true });
		return await it.open();
	};
	const openReady = async () => {
		const index = await it.open();
		await index.catchUp(it.listing);
		return index;
	};
	await measure(`${title}: first catch-up`, openFresh, (index) =>
		index.catchUp(it.listing),
	);
	await measure(`${title}: catch-up, nothing new`, it.open, (index) =>
		index.catchUp(it.listing),
	);
	for (const step of [1, 100]) {
		const ids = thinned(it.ids, step);
		await measure(
			`${title}: places of 1 in ${step}`,
			openReady,
			(index) => index.places(ids),
			count / step,
		);
	}
	const misses = new Uint8Array(randomBytes(32 * 20_000));
	for (const [what, ids] of [
		["misses", misses],
		["hits", it.ids.subarray(0, misses.length)],
	])
		await measure(
			`${title}: 20,000 ${what}, one by one`,
			openReady,
			({ lookup }) => {
				for (let at = 0; at < ids.length; at += 32) lookup.find(ids, at);
			},
			ids.length / 32,
		);
}

async function measureRecords() {
	const it = await makeRepository("records", {
		segments: 0,
		chunks: 0,
		snapshots: 1000,
	});
	const ids = it.listing.snapshots.map(({ name }) => name);
	const openFresh = async () => {
		rmSync(it.cacheFolder, { recursive: true, force: true });
		return await it.open();
	};
	await measure("1,000 records, from the repository", openFresh, (index) =>
		index.records(ids),
	);
	await measure("1,000 records, from LevelDB, opening it", it.open, (index) =>
		index.records(ids),
	);
}

try {
	await measureInPlace(90_000);
	await measureInPlace(1_000_000);
	await measurePlaces(1, 90_000);
	await measurePlaces(1, 1_000_000);
	await measurePlaces(40, 5000);
	await measurePlaces(12, 25_000);
	await measureRecords();
} finally {
	rmSync(folder, { recursive: true, force: true });
}
