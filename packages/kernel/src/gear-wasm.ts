import { readFileSync } from "node:fs";
import {
	averageBits,
	type Cutter,
	type CutterOptions,
	gearTable,
	normalization,
} from "./gear.ts";

interface GearExports {
	configure(
		min: number,
		average: number,
		max: number,
		strictBits: number,
		looseBits: number,
	): void;
	begin(): void;
	cut(start: number, end: number, last: number): number;
}

const pageBytes = 64 * 1024;
/** The first page holds the gear table; what is cut lies behind it. */
const dataStart = pageBytes;

/** The chunker compiled to WebAssembly; see `createReferenceCutter` for what it does. */
export function createCutter(options: CutterOptions): Cutter {
	const bits = averageBits(options);
	const memory = new WebAssembly.Memory({
		initial: 1 + Math.ceil(options.capacity / pageBytes),
	});
	const gear = instantiate(memory);
	new Uint8Array(memory.buffer).set(gearTable(options.seed));
	gear.configure(
		options.min,
		options.average,
		options.max,
		bits + normalization,
		bits - normalization,
	);
	return {
		memory: new Uint8Array(memory.buffer, dataStart, options.capacity),
		begin: gear.begin,
		cut: (start, end, last) =>
			gear.cut(dataStart + start, dataStart + end, last ? 1 : 0),
	};
}

function instantiate(memory: WebAssembly.Memory): GearExports {
	const code = readFileSync(new URL("../dist/gear.wasm", import.meta.url));
	const instance = new WebAssembly.Instance(new WebAssembly.Module(code), {
		env: { memory },
	});
	return instance.exports as unknown as GearExports;
}
