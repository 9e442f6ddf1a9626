import { EventEmitter } from "node:events";
import { Readable, Writable } from "node:stream";
import type { OutStream } from "../../packages/cli/src/screen.ts";
import type { Surroundings } from "../../packages/cli/src/surroundings.ts";

/** Keeps what is written. */
export class Kept extends Writable implements OutStream {
	text = "";
	readonly isTTY: boolean;
	readonly columns = 80;

	constructor(isTTY = false) {
		super();
		this.isTTY = isTTY;
	}

	override _write(
		chunk: Buffer,
		_: BufferEncoding,
		done: (error?: Error) => void,
	): void {
		this.text += chunk.toString();
		done();
	}

	get lines(): string[] {
		return this.text.split("\n").slice(0, -1);
	}

	/** Of `--json`. */
	get messages(): Record<string, unknown>[] {
		return this.lines.map((line) => JSON.parse(line));
	}
}

export class FakeSignals extends EventEmitter {
	exit(): void {
		throw new Error("nothing in a test ends the process");
	}
}

export interface FakeSurroundings extends Surroundings {
	readonly stdout: Kept;
	readonly stderr: Kept;
	readonly signals: FakeSignals;
}

/** A process without a terminal, in a directory and a home that are not there, at one moment in UTC. */
export function fakeSurroundings(
	changes: Partial<FakeSurroundings> = {},
): FakeSurroundings {
	return {
		env: {},
		home: "/nowhere/home",
		platform: "linux",
		cwd: "/nowhere/here",
		script: "/usr/local/bin/varve",
		stdin: Readable.from([]),
		stdout: new Kept(),
		stderr: new Kept(),
		signals: new FakeSignals(),
		now: () => Date.UTC(2026, 10, 19, 14),
		monotonic: () => 0,
		offsetAt: () => 0,
		...changes,
	};
}
