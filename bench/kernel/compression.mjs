// Levels of zstd on frames of real content, the presets among them; content beside its former version; and the probe:
//   node bench/kernel/compression.mjs tree [next-version-of-it]

import { existsSync, readFileSync } from "node:fs";
import { createRequire } from "node:module";
import { relative, resolve } from "node:path";
import {
	Compressor,
	compressBound,
	createProbe,
	Decompressor,
} from "@varve/kernel";
import { filesBelow, randomBytes, sampleFrames } from "./content.mjs";
import { bestOf, megabytes, printTable, speed } from "./timing.mjs";

const fromKernel = createRequire(
	new URL("../../packages/kernel/package.json", import.meta.url),
);
const zstd = fromKernel("zstd-napi/binding.js");
const [tree, next] = process.argv.slice(2);
if (tree === undefined) throw new Error("name a tree");
const mebibyte = 1024 * 1024;
const target = new Uint8Array(compressBound(8 * mebibyte));
const presets = ["fastest", "auto", "better", "max"];

printLevels(sampleFrames(tree, { step: 16, count: 64 }));
printProbe(sampleFrames(tree, { step: 16, count: 32 }));
if (next !== undefined)
	for (const size of [64, 256, 1024]) printDeltas(size * 1024);

function printLevels(frames) {
	const candidates = [
		...[1, 2, 3, 4, 5, 6, 7, 8, 9, 12, 15].map((level) => [
			`level ${level}`,
			atLevel(level),
		]),
		...presets.map((name) => [name, new Compressor(name)]),
	];
	const raw = sum(frames.map((frame) => frame.length));
	const rows = candidates.map(([name, compressor]) => {
		const packed = frames.map((frame) =>
			target.slice(0, compressor.compress(frame, target)),
		);
		const rounds = /^(max|level 1[25])$/.test(name) ? 0 : 2;
		const time = bestOf(Math.max(1, rounds), () => {
			for (const frame of rounds === 0 ? frames.slice(0, 4) : frames)
				compressor.compress(frame, target);
		});
		const timed =
			rounds === 0 ? sum(frames.slice(0, 4).map((frame) => frame.length)) : raw;
		const unpack = timeToUnpack(frames, packed);
		return [
			name,
			speed(timed, time),
			(raw / sum(packed.map((p) => p.length))).toFixed(3),
			speed(raw, unpack),
		];
	});
	printTable(
		[`${frames.length} frames of 1 MiB`, "MB/s", "ratio", "back, MB/s"],
		rows,
	);
}

function atLevel(level) {
	const context = new zstd.CCtx();
	return { compress: (source, into) => context.compress(into, source, level) };
}

function timeToUnpack(frames, packed) {
	const decompressor = new Decompressor();
	const room = new Uint8Array(mebibyte);
	return bestOf(3, () => {
		packed.forEach((frame, i) => {
			decompressor.decompress(frame, room.subarray(0, frames[i].length));
		});
	});
}

function printProbe(frames) {
	const probe = createProbe();
	const compressor = new Compressor("auto");
	const random = frames.map(({ length }) => randomBytes(length));
	const rows = [
		["content of the tree", frames],
		["random bytes", random],
	].map(([name, all]) => {
		const perFrame = (run) =>
			(bestOf(5, () => all.forEach(run)) / all.length / 1000).toFixed(1);
		const judged = all.filter(probe).length;
		return [
			name,
			perFrame((frame) => compressor.compress(frame, target)),
			perFrame(probe),
			`${judged} of ${all.length}`,
		];
	});
	printTable(
		["1 MiB of", "compress, µs", "probe, µs", "found incompressible"],
		rows,
	);
}

/** Files that changed, gathered in frames of about `size` bytes, beside their former versions. */
function printDeltas(size) {
	const pairs = [...deltas(size)];
	const raw = sum(pairs.map(([, source]) => source.length));
	const rows = presets.map((name) => {
		const compressor = new Compressor(name);
		let stored = 0;
		const time = bestOf(1, () => {
			stored = 0;
			for (const [dictionary, source] of pairs)
				stored += compressor.compressWithDictionary(dictionary, source, target);
		});
		return [name, megabytes(stored), speed(raw, time)];
	});
	printTable(
		[
			`${megabytes(raw)} MB of changed files, ${size / 1024} KiB a frame`,
			"stored MB",
			"MB/s",
		],
		rows,
	);
}

function* deltas(size) {
	let sources = [];
	let bases = [];
	let seen = 0;
	for (const file of filesBelow(next)) {
		const former = resolve(tree, relative(next, file));
		if (seen++ % 16 !== 0 || !existsSync(former)) continue;
		const [source, base] = [readFileSync(file), readFileSync(former)];
		if (source.equals(base)) continue;
		sources.push(source);
		bases.push(base);
		if (sum(sources.map(({ length }) => length)) < size) continue;
		yield [
			new Uint8Array(Buffer.concat([Buffer.alloc(8), ...bases])),
			new Uint8Array(Buffer.concat(sources)),
		];
		sources = [];
		bases = [];
	}
}

function sum(numbers) {
	return numbers.reduce((a, b) => a + b, 0);
}
