// What a second step of base selection could save: content of a new version that has no file of the same path or name in the old one, as
// differences from pieces of the old version that resemble it, found by sampled features. See docs/adr/0006-deltas.md.
//
//   node bench/kernel/resemblance.mjs OLD NEW

import { createHash } from "node:crypto";
import { readdirSync, readFileSync } from "node:fs";
import { createRequire } from "node:module";
import { basename, join } from "node:path";

const kernel = new URL("../../packages/kernel/package.json", import.meta.url);
const { Compressor } = createRequire(kernel)("zstd-napi");

const pieceBytes = 64 * 1024;
const frameBytes = 1024 * 1024;
/** Of a rolling hash at one of 64 positions, on average, these many largest transforms are kept; three of them make a feature. */
const transforms = 12;
const sampleMask = 0x1f80000;
/** A difference must take less than this part of what its piece takes in a frame with its neighbours, and 64 bytes for the base's id. */
const largestDelta = 0.6;
const idsOfBase = 64;

const gear = Uint32Array.from({ length: 256 }, (_, i) =>
	createHash("sha256").update(`gear ${i}`).digest().readUInt32LE(),
);
const multipliers = Uint32Array.from(
	{ length: transforms },
	(_, i) => (0x9e3779b1 * (2 * i + 1) + 0x1234567 * i) | 1,
);

function* filesBelow(folder, below = "") {
	for (const entry of readdirSync(join(folder, below), {
		withFileTypes: true,
	})) {
		const path = below === "" ? entry.name : `${below}/${entry.name}`;
		if (entry.isDirectory()) yield* filesBelow(folder, path);
		else if (entry.isFile()) yield path;
	}
}

function* piecesOf(file) {
	const bytes = readFileSync(file);
	for (let at = 0; at < bytes.length; at += pieceBytes)
		yield bytes.subarray(at, at + pieceBytes);
}

function featuresOf(piece) {
	const largest = new Uint32Array(transforms);
	let hash = 0;
	let samples = 0;
	for (let i = 0; i < piece.length; i++) {
		hash = ((hash << 1) + gear[piece[i]]) >>> 0;
		if ((hash & sampleMask) !== 0) continue;
		samples++;
		for (let k = 0; k < transforms; k++) {
			const value = (Math.imul(hash, multipliers[k]) + k) >>> 0;
			if (value > largest[k]) largest[k] = value;
		}
	}
	if (samples < 4) return [];
	return Array.from(
		{ length: transforms / 3 },
		(_, i) => `${i}:${largest.subarray(i * 3, i * 3 + 3).join()}`,
	);
}

const digestOf = (bytes) => createHash("sha256").update(bytes).digest("hex");

/** The old version: where each feature was met first, what is stored, and what its files are called. */
function learn(folder) {
	const old = { places: new Map(), stored: new Set(), known: new Set() };
	for (const path of filesBelow(folder)) {
		old.known.add(basename(path));
		for (const piece of piecesOf(join(folder, path))) {
			old.stored.add(digestOf(piece));
			for (const feature of featuresOf(piece))
				if (!old.places.has(feature)) old.places.set(feature, piece.slice());
		}
	}
	return old;
}

function compressed(bytes, dictionary) {
	const compressor = new Compressor();
	if (dictionary !== undefined) compressor.loadDictionary(dictionary);
	return compressor.compress(bytes).length;
}

function measure(old, folder) {
	const sum = { pieces: 0, bytes: 0, plain: 0, alike: 0, better: 0, saved: 0 };
	let frame = [];
	const close = () => {
		const raw = Buffer.concat(frame.map(({ piece }) => piece));
		const plain = compressed(raw);
		sum.plain += plain;
		for (const { piece, delta } of frame) {
			const share = (plain * piece.length) / raw.length;
			if (delta === undefined || delta + idsOfBase > share * largestDelta)
				continue;
			sum.better++;
			sum.saved += Math.round(share - delta - idsOfBase);
		}
		frame = [];
	};
	for (const path of filesBelow(folder)) {
		if (old.known.has(basename(path))) continue;
		for (const piece of piecesOf(join(folder, path))) {
			const digest = digestOf(piece);
			if (old.stored.has(digest)) continue;
			old.stored.add(digest);
			const like = featuresOf(piece)
				.map((feature) => old.places.get(feature))
				.find((found) => found !== undefined);
			sum.pieces++;
			sum.bytes += piece.length;
			if (like !== undefined) sum.alike++;
			const delta = like && compressed(piece, like);
			frame.push({ piece, delta });
			if (frame.length * pieceBytes >= frameBytes) close();
		}
	}
	close();
	return sum;
}

const [older, newer] = process.argv.slice(2);
const started = performance.now();
const old = learn(older);
const seconds = Math.round((performance.now() - started) / 100) / 10;
process.stdout.write(
	`${JSON.stringify({ learningSeconds: seconds, ...measure(old, newer) })}\n`,
);
