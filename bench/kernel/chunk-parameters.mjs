// What other chunk sizes would store of a tree and of the next version of it:
//   node bench/kernel/chunk-parameters.mjs old new [--joined] [--sizes min/average/max±n,…]
// Sizes in KiB; n is the number of bits by which the test is stricter before the average and looser after it. With --joined the
// files of a tree are cut as one stream, as those of a disk image or an archive would be.

import { readFileSync } from "node:fs";
import { createRequire } from "node:module";
import { parseArgs } from "node:util";
import { compressBound, gearTable, sha256 } from "@varve/kernel";
import { filesBelow, readInto } from "./content.mjs";
import { megabytes, printTable, speed } from "./timing.mjs";

const fromKernel = createRequire(
	new URL("../../packages/kernel/package.json", import.meta.url),
);
const zstd = fromKernel("zstd-napi/binding.js");

const usual =
	"16/64/256±2,16/64/256±1,16/64/256±3,32/64/256±2,16/64/128±2,8/64/256±2,8/32/128±2,16/32/128±2,4/16/64±2,32/128/512±2";
const { values, positionals } = parseArgs({
	allowPositionals: true,
	options: {
		joined: { type: "boolean", default: false },
		sizes: { type: "string", default: usual },
	},
});
const [older, newer] = positionals;
if (newer === undefined) throw new Error("name two trees or files");

const kib = 1024;
const page = 64 * kib;
const spanBytes = 64 * kib * kib;
const frameBytes = kib * kib;
/** What a chunk costs beside its bytes: an id in a directory, in a segment and in a tree, and lengths and places. */
const chunkOverhead = 108;

const memory = new WebAssembly.Memory({ initial: 1 + spanBytes / page });
const code = readFileSync(
	new URL("../../packages/kernel/dist/gear.wasm", import.meta.url),
);
const { exports: gear } = new WebAssembly.Instance(
	new WebAssembly.Module(code),
	{ env: { memory } },
);
new Uint8Array(memory.buffer).set(gearTable());
const span = new Uint8Array(memory.buffer, page, spanBytes);

printTable(
	[
		"min/average/max",
		"mean chunk, KiB",
		"cut, MB/s",
		"old, stored MB",
		"new, raw MB",
		"new, chunks",
		"new, stored MB",
	],
	values.sizes.split(",").map(measure),
);

function measure(text) {
	const [min, average, max, n] = text.split(/[/±]/).map(Number);
	const bits = Math.log2(average * kib);
	gear.configure(min * kib, average * kib, max * kib, bits + n, bits - n);
	const known = new Set();
	const first = store(older, known);
	const next = store(newer, known);
	return [
		text,
		(first.bytes / first.chunks / kib).toFixed(1),
		speed(first.bytes, first.cutting),
		megabytes(stored(first)),
		megabytes(next.newBytes),
		next.newChunks,
		megabytes(stored(next)),
	];
}

function stored({ compressed, newChunks }) {
	return compressed + newChunks * chunkOverhead;
}

/** Cuts a tree, and compresses the chunks that are not in `known` in frames of 1 MiB at level 3. */
function store(root, known) {
	const tally = {
		bytes: 0,
		chunks: 0,
		newBytes: 0,
		newChunks: 0,
		compressed: 0,
		cutting: 0,
	};
	const frame = new Uint8Array(2 * frameBytes);
	const target = new Uint8Array(compressBound(frame.length));
	const context = new zstd.CCtx();
	let fill = 0;
	const flush = () => {
		tally.compressed += context.compress(target, frame.subarray(0, fill), 3);
		fill = 0;
	};
	for (const length of readInto(span, filesBelow(root), values)) {
		tally.bytes += length;
		for (const chunk of chunksOf(length, tally)) {
			tally.chunks++;
			const id = Buffer.from(sha256(chunk)).toString("latin1");
			if (known.has(id)) continue;
			known.add(id);
			tally.newChunks++;
			tally.newBytes += chunk.length;
			frame.set(chunk, fill);
			fill += chunk.length;
			if (fill >= frameBytes) flush();
		}
	}
	flush();
	return tally;
}

function* chunksOf(length, tally) {
	gear.begin();
	for (let at = 0; at < length; ) {
		const start = process.hrtime.bigint();
		const item = gear.cut(page + at, page + length, 1);
		tally.cutting += Number(process.hrtime.bigint() - start);
		if (item > 0) yield span.subarray(at, at + item);
		at += Math.abs(item);
	}
}
