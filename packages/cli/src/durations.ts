import { InvalidArgumentError, Option } from "commander";

const units: Readonly<Record<string, number>> = {
	s: 1_000,
	m: 60_000,
	min: 60_000,
	h: 3_600_000,
	d: 86_400_000,
};
const part = /(\d{1,9}(?:\.\d{1,3})?)(min|[smhd])/g;
const whole = /^(?:\d{1,9}(?:\.\d{1,3})?(?:min|[smhd]))+$/;

/** Milliseconds of a time one can wait: "30s", "5m", "1h30m", "2d", "0". undefined if it is none. */
export function parseWait(text: string): number | undefined {
	if (text === "0") return 0;
	if (!whole.test(text)) return undefined;
	let sum = 0;
	for (const [, count, unit] of text.matchAll(part))
		sum += Number(count) * (units[unit as string] as number);
	return Math.round(sum);
}

/** For commander. */
export function waitValue(value: string): number {
	const wait = parseWait(value);
	if (wait === undefined)
		throw new InvalidArgumentError(
			"Not a duration; write 30s, 5m, 1h30m or 2d.",
		);
	return wait;
}

/** `--retry-lock`, of every command that can find another one in the way: core's retryLocked takes what it parses to. */
export function retryLockOption(): Option {
	return new Option(
		"--retry-lock <duration>",
		"if someone else is in the way, try again for so long, as in 30s or 5m",
	).argParser(waitValue);
}
