import { spawn } from "node:child_process";
import { once } from "node:events";
import { PassThrough, type Readable } from "node:stream";
import { InputError, SourceError } from "@varve/core";

/** Bytes to be kept as one file, and whether all of them came. */
export interface StreamSource {
	readonly bytes: AsyncIterable<Uint8Array>;
	/** Rejects if what wrote them failed. */
	readonly done: Promise<void>;
}

export function standardInput(
	stdin: Readable,
	signal: AbortSignal,
): StreamSource {
	const stop = () => close(stdin, signal.reason);
	signal.addEventListener("abort", stop, { once: true });
	return { bytes: stdin, done: Promise.resolve() };
}

/** What is open keeps the process alive, however silent it is. */
function close(stream: Readable, reason: Error): void {
	// Perhaps nobody reads it yet, or any more.
	stream.on("error", () => undefined);
	stream.destroy(reason);
}

export interface CommandOptions {
	readonly cwd: string;
	readonly signal: AbortSignal;
}

/** What a command writes to its standard output. `done` rejects with a SourceError if the command fails. */
export function outputOf(
	words: readonly string[],
	{ cwd, signal }: CommandOptions,
): StreamSource {
	const [program, ...args] = words;
	if (program === undefined)
		throw new InputError(
			"NO_COMMAND",
			"--stdin-from-command needs a command behind --",
		);
	const child = spawn(program, args, {
		cwd,
		stdio: ["inherit", "pipe", "inherit"],
	});
	// Node throws away what nobody reads by the time the command ends: from here on, somebody does.
	const bytes = child.stdout.pipe(new PassThrough());
	const stop = () => {
		child.kill("SIGTERM");
		// It may not obey, or others may hold its output open.
		close(child.stdout, signal.reason);
		close(bytes, signal.reason);
		child.unref();
	};
	signal.addEventListener("abort", stop, { once: true });
	const done = once(child, "close")
		.then(
			([code, killedBy]) => requireSuccess(program, code, killedBy),
			(cause: Error) => {
				throw new SourceError(
					"COMMAND_FAILED",
					`cannot run ${program}: ${cause.message}`,
					{ command: program },
					{ cause },
				);
			},
		)
		.finally(() => signal.removeEventListener("abort", stop));
	// Whoever takes the bytes asks for it later.
	done.catch(() => undefined);
	return { bytes, done };
}

function requireSuccess(
	command: string,
	code: number | null,
	killedBy: string | null,
): void {
	if (code === 0) return;
	const how =
		code === null ? `was ended by ${killedBy}` : `failed with ${code}`;
	throw new SourceError(
		"COMMAND_FAILED",
		`the command ${command} ${how}; no snapshot was made`,
		{ command },
	);
}
