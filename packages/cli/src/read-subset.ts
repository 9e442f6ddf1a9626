import type { Subset } from "@varve/core";
import { InvalidArgumentError } from "commander";
import { parseBytes } from "./units.ts";

/** "n/t", "x%" or a size, as restic reads --read-data-subset. */
export function subsetValue(text: string): Subset {
	return parseNth(text) ?? parsePercent(text) ?? parseSize(text) ?? fail();
}

function parseNth(text: string): Subset | undefined {
	const [, n, t] = /^(\d{1,6})\/(\d{1,6})$/.exec(text) ?? [];
	if (n === undefined || t === undefined) return undefined;
	const [part, parts] = [Number(n), Number(t)];
	return part >= 1 && part <= parts
		? { kind: "nth", n: part, t: parts }
		: undefined;
}

function parsePercent(text: string): Subset | undefined {
	const [, number] = /^(\d{1,3}(?:\.\d+)?)%$/.exec(text) ?? [];
	const percent = Number(number);
	return number !== undefined && percent > 0 && percent <= 100
		? { kind: "percent", percent }
		: undefined;
}

function parseSize(text: string): Subset | undefined {
	const bytes = parseBytes(text);
	return bytes === undefined || bytes === 0
		? undefined
		: { kind: "bytes", bytes };
}

function fail(): never {
	throw new InvalidArgumentError(
		"Write 2/5 for the second of five parts, 10% for a random share, or 2G for about so much.",
	);
}
