import { InvalidArgumentError, Option } from "commander";
import { parseBytes } from "./units.ts";

/** Parsers of option values. What is wrong with one is said by commander, with the option's name. */

/** For options that may be given several times. */
export function gather(
	value: string,
	previous: readonly string[] | undefined,
): readonly string[] {
	return [...(previous ?? []), value];
}

/** The same for words that may also stand in one, separated by commas: `--tag a,b`. */
export function gatherWords(
	value: string,
	previous: readonly string[] | undefined,
): readonly string[] {
	const words = value.split(",").map((word) => word.trim());
	if (words.includes(""))
		throw new InvalidArgumentError("It holds an empty word.");
	return [...(previous ?? []), ...words];
}

export function sizeValue(value: string): number {
	const bytes = parseBytes(value);
	if (bytes === undefined)
		throw new InvalidArgumentError(
			"Not a size; write 4096, 64K, 1.5M or 2GiB.",
		);
	return bytes;
}

/** Bytes in a second, more than none. */
export function rateValue(value: string): number {
	const bytes = sizeValue(value.replace(/\/s$/, ""));
	if (bytes === 0) throw new InvalidArgumentError("It must be more than 0.");
	return bytes;
}

/** A whole number of at least 0. */
export function countValue(value: string): number {
	if (!/^\d{1,9}$/.test(value))
		throw new InvalidArgumentError("Not a whole number.");
	return Number(value);
}

/** A whole number of at least 1. */
export function positiveValue(value: string): number {
	const count = countValue(value);
	if (count === 0) throw new InvalidArgumentError("It must be at least 1.");
	return count;
}

/** The most threads that can be of use. */
const mostWorkers = 256;

/** `--workers`, of every command that has use for threads. */
export function workersOption(): Option {
	return new Option(
		"--workers <n>",
		"threads; one for each processor if not said, 0 for none",
	)
		.argParser(workersValue)
		.env("VARVE_WORKERS");
}

function workersValue(value: string): number {
	const count = countValue(value);
	if (count > mostWorkers)
		throw new InvalidArgumentError(`It must be at most ${mostWorkers}.`);
	return count;
}
