import type { Step } from "@varve/core";
import {
	displayWidth,
	keepBeginning,
	keepEnd,
	padEnd,
} from "./display-width.ts";
import { escapeText } from "./escape-text.ts";
import { formatBytes, formatClock, formatCount } from "./units.ts";

/** A step, and since when (ms) its phase goes on. */
export interface Progress {
	readonly step: Step;
	readonly elapsed: number;
}

const barColumns = 20;
const leastPath = 12;

/** Share done, 0 to 1, or undefined while nobody can know. */
export function shareDone(step: Step): number | undefined {
	const share =
		step.fraction ??
		ratio(step.bytes, step.totalBytes) ??
		ratio(step.files, step.totalFiles);
	return share === undefined ? undefined : Math.min(1, Math.max(0, share));
}

/** Milliseconds left if it goes on as before; undefined while nobody can know. */
export function timeLeft({ step, elapsed }: Progress): number | undefined {
	const share = shareDone(step);
	if (share === undefined || share === 0 || elapsed <= 0) return undefined;
	return (elapsed * (1 - share)) / share;
}

/** One line of at most `width` columns; what matters least is left out first. */
export function progressLine(progress: Progress, width: number): string {
	const { step } = progress;
	const share = shareDone(step);
	const head = share === undefined ? step.phase : barOf(share, width);
	const parts = [head, ...amounts(progress)];
	const line = parts.filter((part) => part !== "").join("  ");
	const room = width - displayWidth(line) - 2;
	if (step.current === undefined || room < leastPath)
		return keepBeginning(line, width);
	return `${line}  ${keepEnd(escapeText(step.current), room)}`;
}

function amounts({ step, elapsed }: Progress): string[] {
	const left = timeLeft({ step, elapsed });
	const errors =
		step.errors === 0 ? "" : `${formatCount(step.errors)} not read`;
	return [
		step.files === 0 && step.totalFiles === undefined
			? ""
			: `${ofTotal(step.files, step.totalFiles, formatCount)} files`,
		step.bytes === 0 && step.totalBytes === undefined
			? ""
			: ofTotal(step.bytes, step.totalBytes, formatBytes),
		elapsed < 500 || step.bytes === 0
			? ""
			: `${formatBytes((step.bytes * 1000) / elapsed)}/s`,
		left === undefined ? formatClock(elapsed) : `${formatClock(left)} left`,
		errors,
	];
}

function ofTotal(
	done: number,
	total: number | undefined,
	format: (value: number) => string,
): string {
	return total === undefined
		? format(done)
		: `${format(done)} of ${format(total)}`;
}

function barOf(share: number, width: number): string {
	const percent = `${Math.floor(share * 100)} %`.padStart(5);
	if (width < 60) return percent;
	const filled = Math.floor(share * barColumns);
	return `[${padEnd("#".repeat(filled), barColumns)}] ${percent}`;
}

function ratio(part: number, whole: number | undefined): number | undefined {
	return whole === undefined || whole <= 0 ? undefined : part / whole;
}
