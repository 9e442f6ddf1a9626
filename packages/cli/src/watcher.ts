import {
	type Observer,
	pathFields,
	type Step,
	type VerbEvent,
} from "@varve/core";
import type { Log } from "./log-file.ts";
import {
	type Progress,
	progressLine,
	shareDone,
	timeLeft,
} from "./progress.ts";
import type { Report } from "./report.ts";
import type { Screen } from "./screen.ts";
import { Ticker } from "./ticker.ts";
import { formatBytes } from "./units.ts";

export interface WatcherParts {
	readonly screen: Screen;
	readonly report: Report;
	readonly log: Log;
	/** 0, 1 for -v, 2 for -vv. */
	readonly verbose: number;
	/** Milliseconds that never go back. */
	readonly now: () => number;
	/** Most showings of progress in a second; 0 for none. */
	readonly rate: number | undefined;
}

const terminalRate = 10;
const jsonRate = 2;

/** Shows what a verb tells while it works: progress, entries that failed, warnings, the log. */
export class Watcher implements Observer, Disposable {
	readonly detail: boolean;
	readonly #parts: WatcherParts;
	readonly #ticker: Ticker | undefined;
	readonly #timer: NodeJS.Timeout | undefined;

	constructor(parts: WatcherParts) {
		const { verbose, now } = parts;
		this.#parts = parts;
		this.detail = verbose >= 2;
		const rate = rateOf(parts);
		if (rate <= 0) return;
		const interval = 1000 / rate;
		const show = (progress: Progress) => this.#show(progress);
		this.#ticker = new Ticker({ now, interval, show });
		this.#timer = setInterval(() => this.#ticker?.tick(), interval).unref();
	}

	readonly on = (event: VerbEvent): void => {
		this.#toLog(event);
		const { report } = this.#parts;
		if (event.type === "step") this.#ticker?.step(event.step);
		else if (event.type === "stop" || event.type === "error") this.#pause();
		else if (event.type === "warning") report.warning(event.message);
		else if (event.type === "entry-error")
			report.entryError(`${event.path}: ${event.message}`, errorFields(event));
		else if (event.type === "entry") this.#entry(event);
		else if (event.type === "trace") this.#trace(event.message);
	};

	[Symbol.dispose](): void {
		clearInterval(this.#timer);
		this.#pause();
	}

	#pause(): void {
		this.#ticker?.stop();
		this.#parts.screen.showProgress("");
	}

	#show(progress: Progress): void {
		const { screen, report } = this.#parts;
		if (report.json) report.message("status", statusFields(progress));
		else screen.showProgress(progressLine(progress, screen.width - 1));
	}

	#entry(event: Extract<VerbEvent, { type: "entry" }>): void {
		const { screen, report } = this.#parts;
		const { path, action, bytes } = event;
		report.message("verbose_status", {
			action,
			...itemFields(path),
			data_size: bytes,
		});
		if (!report.json)
			screen.print(`${action.padEnd(10)}  ${path}, ${formatBytes(bytes)}`);
	}

	#trace(message: string): void {
		const { screen, report, verbose } = this.#parts;
		if (verbose < 1) return;
		if (!report.json) screen.printError(message);
		else report.message("trace", { message });
	}

	#toLog(event: VerbEvent): void {
		const line = logLine(event);
		if (line !== undefined) this.#parts.log.line(line);
	}
}

function rateOf({ screen, report, rate }: WatcherParts): number {
	if (report.json) return rate ?? jsonRate;
	if (report.quiet || !screen.interactive) return 0;
	return Math.min(terminalRate, rate ?? terminalRate);
}

/** `item` and, where it is not valid UTF-8, its bytes: restic's name for a path in a message. */
function itemFields(path: string): { item: string; item_b64?: string } {
	const fields = pathFields(path);
	return fields.path_b64 === undefined
		? { item: fields.path }
		: { item: fields.path, item_b64: fields.path_b64 };
}

function errorFields(event: Extract<VerbEvent, { type: "entry-error" }>) {
	const { verb, path, message, reason } = event;
	return { error: { message }, during: verb, ...itemFields(path), reason };
}

function statusFields(progress: Progress) {
	const { step, elapsed } = progress;
	const left = timeLeft(progress);
	return {
		phase: step.phase,
		seconds_elapsed: Math.round(elapsed / 1000),
		seconds_remaining: left === undefined ? undefined : Math.round(left / 1000),
		percent_done: shareDone(step) ?? 0,
		total_files: step.totalFiles,
		files_done: step.files,
		total_bytes: step.totalBytes,
		bytes_done: step.bytes,
		error_count: step.errors,
		current_files: currentFiles(step),
	};
}

function currentFiles({ current }: Step): string[] | undefined {
	return current === undefined ? undefined : [pathFields(current).path];
}

function logLine(event: VerbEvent): string | undefined {
	switch (event.type) {
		case "step":
			return undefined;
		case "start":
			return `${event.verb} begins: ${event.subject}`;
		case "stop":
			return `${event.verb} ends`;
		case "error":
			return `${event.verb} fails: ${String(event.error)}`;
		case "entry-error":
			return `${event.verb} error: ${event.path}: ${event.message}`;
		case "entry":
			return `${event.verb} ${event.action}: ${event.path} (${event.bytes} bytes)`;
		case "warning":
			return `warning: ${event.message}`;
		case "trace":
			return event.message;
	}
}
