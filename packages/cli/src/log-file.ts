import { closeSync, openSync, writeSync } from "node:fs";
import { InputError } from "@varve/core";
import { escapeText } from "./escape-text.ts";

/** Lines with a time, appended to a file as they come. */
export interface Log {
	line(text: string): void;
	close(): void;
}

export const noLog: Log = {
	line: () => undefined,
	close: () => undefined,
};

export interface LogOptions {
	/** The time of a line, as a text. */
	readonly clock: () => string;
	/** Told once, when the log cannot be written any more: what is logged goes on. */
	readonly warn: (message: string) => void;
}

const batch = 64 * 1024;

/** Opens a file to append to. Throws an InputError if it cannot be written. */
export function openLog(path: string, options: LogOptions): Log {
	return new FileLog(path, options);
}

class FileLog implements Log {
	readonly #path: string;
	readonly #options: LogOptions;
	#fd: number | undefined;
	#pending = "";

	constructor(path: string, options: LogOptions) {
		this.#path = path;
		this.#options = options;
		this.#fd = openForAppending(path);
	}

	line(text: string): void {
		if (this.#fd === undefined) return;
		if (this.#pending === "") queueMicrotask(() => this.#send());
		this.#pending += `${this.#options.clock()} ${escapeText(text)}\n`;
		if (this.#pending.length >= batch) this.#send();
	}

	close(): void {
		this.#send();
		if (this.#fd !== undefined) closeSync(this.#fd);
		this.#fd = undefined;
	}

	#send(): void {
		const text = this.#pending;
		this.#pending = "";
		if (this.#fd === undefined || text === "") return;
		try {
			writeSync(this.#fd, text);
		} catch (error) {
			if (!isSystemError(error)) throw error;
			closeSync(this.#fd);
			this.#fd = undefined;
			this.#options.warn(
				`the log file ${this.#path} ends here: ${error.message}`,
			);
		}
	}
}

function openForAppending(path: string): number {
	try {
		return openSync(path, "a", 0o600);
	} catch (cause) {
		if (!isSystemError(cause)) throw cause;
		throw new InputError(
			"BAD_LOG_FILE",
			`cannot write the log file ${path}: ${cause.message}`,
			{ path },
			{ cause },
		);
	}
}

function isSystemError(error: unknown): error is Error {
	return error instanceof Error && "syscall" in error;
}
