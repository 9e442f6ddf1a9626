import type { Writable } from "node:stream";
import { escapeText } from "./escape-text.ts";

/** A stream to write to, which may be a terminal. */
export interface OutStream extends Writable {
	readonly isTTY?: boolean;
	readonly columns?: number;
}

const batch = 16 * 1024;
const eraseLine = "\r\u001b[2K";

/**
 * Both output streams and the line of progress on the terminal. Every line is escaped here, so that nothing printed can drive a
 * terminal. Whoever reads standard output may go away: lines are then dropped, and only what exists for its output stops (`write`
 * and `room` reject with EPIPE).
 */
export class Screen {
	readonly #out: OutStream;
	readonly #err: OutStream;
	#pending: (string | Uint8Array)[] = [];
	#pendingLength = 0;
	#failure: Error | undefined;
	#progress = "";

	constructor(out: OutStream, err: OutStream) {
		this.#out = out;
		this.#err = err;
		out.on("error", (error: Error) => {
			this.#failure ??= error;
		});
		// Nobody is left to be told.
		err.on("error", () => undefined);
	}

	/** True where progress can be shown. */
	get interactive(): boolean {
		return this.#err.isTTY === true;
	}

	/** Columns of the terminal. */
	get width(): number {
		const columns = this.#err.columns ?? 0;
		return columns > 0 ? columns : 80;
	}

	/** One line of the result, on standard output. */
	print(line: string): void {
		this.#queue(`${escapeText(line)}\n`);
	}

	/** A text for programs, as it is. */
	printVerbatim(text: string): void {
		this.#queue(text);
	}

	/** A line for programs, "\n" at its end, of any bytes; on a terminal it is escaped. */
	printBytes(line: Uint8Array): void {
		if (this.#out.isTTY === true) {
			this.print(Buffer.from(line).toString().replace(/\n$/, ""));
		} else this.#queue(line);
	}

	/** One line for people, on standard error. */
	printError(line: string): void {
		this.#send();
		const shown = this.#progress;
		this.showProgress("");
		this.#err.write(`${escapeText(line)}\n`);
		this.showProgress(shown);
	}

	/** Replaces the line of progress; "" erases it. */
	showProgress(line: string): void {
		if (line === this.#progress || !this.interactive) return;
		this.#err.write(`${eraseLine}${escapeText(line)}`);
		this.#progress = line;
	}

	/** Resolves when there is room for more output: for commands that print without end. Gives signals their turn. */
	async room(signal?: AbortSignal): Promise<void> {
		this.#send();
		await new Promise((resolve) => setImmediate(resolve));
		signal?.throwIfAborted();
		this.#requireReader();
		if (this.#out.writableNeedDrain) await this.#drained();
		this.#requireReader();
	}

	/** Bytes to standard output, as they are; they are free again when this resolves. */
	async write(bytes: Uint8Array): Promise<void> {
		this.#send();
		this.#requireReader();
		const error = await new Promise<Error | null | undefined>((resolve) => {
			this.#out.write(bytes, resolve);
		});
		this.#failure ??= error ?? undefined;
		this.#requireReader();
	}

	/** Resolves when all is written. A reader that went away is no failure here. */
	async flush(): Promise<void> {
		this.showProgress("");
		this.#send();
		if (this.#failure === undefined) this.#failure = await sent(this.#out);
		await sent(this.#err);
		if (this.#failure !== undefined && !isBrokenPipe(this.#failure))
			throw this.#failure;
	}

	#queue(text: string | Uint8Array): void {
		if (this.#pending.length === 0) setImmediate(() => this.#send());
		this.#pending.push(text);
		this.#pendingLength += text.length;
		if (this.#pendingLength >= batch) this.#send();
	}

	#send(): void {
		if (this.#pending.length === 0) return;
		const parts = this.#pending;
		this.#pending = [];
		this.#pendingLength = 0;
		if (this.#failure !== undefined || this.#out.destroyed) return;
		const shown = this.#progress;
		this.showProgress("");
		this.#out.write(joined(parts));
		this.showProgress(shown);
	}

	#requireReader(): void {
		if (this.#failure !== undefined) throw this.#failure;
	}

	#drained(): Promise<void> {
		return new Promise((resolve) => {
			const done = () => {
				this.#out.off("drain", done).off("error", done).off("close", done);
				resolve();
			};
			this.#out.on("drain", done).on("error", done).on("close", done);
		});
	}
}

function joined(parts: readonly (string | Uint8Array)[]): string | Uint8Array {
	return parts.every((part) => typeof part === "string")
		? parts.join("")
		: Buffer.concat(parts.map((part) => Buffer.from(part as string)));
}

/** Resolves when what was written has left, with the error if it has not. */
function sent(stream: OutStream): Promise<Error | undefined> {
	if (stream.destroyed) return Promise.resolve(undefined);
	return new Promise((resolve) => {
		stream.write("", (error) => resolve(error ?? undefined));
	});
}

/** Whoever read the output has gone: `varve ls latest | head`. */
export function isBrokenPipe(error: unknown): boolean {
	if (!(error instanceof Error)) return false;
	const { code } = error as NodeJS.ErrnoException;
	return code === "EPIPE" || code === "ERR_STREAM_DESTROYED";
}
