// How fast one core cuts: node bench/kernel/cut.mjs [file or directory]

import { createCutter, createReferenceCutter } from "@varve/kernel";
import { filesBelow, randomBytes, readInto } from "./content.mjs";
import { bestOf, printTable, speed } from "./timing.mjs";

const sizes = { min: 16 * 1024, average: 64 * 1024, max: 256 * 1024 };
const length = 64 * 1024 * 1024;

const contents = {
	"random bytes": randomBytes(length),
	zeros: new Uint8Array(length),
	"one byte repeated": new Uint8Array(length).fill(32),
	"zeros in each 32 KiB": withZeros(randomBytes(length)),
};
const root = process.argv[2];
if (root !== undefined) {
	const memory = new Uint8Array(length);
	const { value } = readInto(memory, filesBelow(root), { joined: true }).next();
	contents[`${root}, joined`] = memory.subarray(0, value);
}

const rows = Object.entries(contents).map(([name, bytes]) => {
	const fast = measure(createCutter, bytes, 5);
	const readable = measure(createReferenceCutter, bytes, 2);
	return [name, fast.items, fast.speed, readable.speed];
});
printTable(
	["64 MiB of", "items", "WebAssembly, MB/s", "TypeScript, MB/s"],
	rows,
);

function measure(create, bytes, rounds) {
	const cutter = create({ ...sizes, capacity: length });
	cutter.memory.set(bytes);
	let items = 0;
	const time = bestOf(rounds, () => {
		items = 0;
		cutter.begin();
		for (let at = 0; at < bytes.length; items++)
			at += Math.abs(cutter.cut(at, bytes.length, true));
	});
	return { items, speed: speed(bytes.length, time) };
}

/** The most that looking for runs of zeros can cost: each block has some, and none has enough. */
function withZeros(bytes) {
	for (let at = 0; at < bytes.length; at += 32 * 1024)
		bytes.fill(0, at, at + 30 * 1024);
	return bytes;
}
