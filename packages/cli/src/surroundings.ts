import type { Readable } from "node:stream";
import type { UserPlace } from "./folders.ts";
import type { SignalSource } from "./interrupted.ts";
import type { OutStream } from "./screen.ts";

/** All that the program takes from the process it runs in. */
export interface Surroundings extends UserPlace {
	/** Absolute. */
	readonly cwd: string;
	/** Path of the script that was started, as the process sees it. */
	readonly script: string;
	readonly stdin: Readable;
	readonly stdout: OutStream;
	readonly stderr: OutStream;
	readonly signals: SignalSource;
	/** Milliseconds since 1970. */
	readonly now: () => number;
	/** Milliseconds that never go back. */
	readonly monotonic: () => number;
	/** Minutes east of UTC of the local time at a moment (ms). */
	readonly offsetAt: (time: number) => number;
}
