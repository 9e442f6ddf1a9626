/** Numbers for people, and sizes as people write them. */

const suffixes = ["B", "KiB", "MiB", "GiB", "TiB", "PiB"] as const;

/** "0 B", "1023 B", "1.5 KiB", "12.3 MiB", "456 GiB". */
export function formatBytes(bytes: number): string {
	let value = bytes;
	let step = 0;
	while (Math.abs(value) >= 1024 && step + 1 < suffixes.length) {
		value /= 1024;
		step++;
	}
	const digits = step === 0 || Math.abs(value) >= 99.95 ? 0 : 1;
	return `${value.toFixed(digits)} ${suffixes[step]}`;
}

/** "1,234,567". */
export function formatCount(count: number): string {
	return String(Math.round(count)).replace(/\B(?=(\d{3})+$)/g, ",");
}

/** "1 file", "2,000 files". */
export function formatCounted(
	count: number,
	one: string,
	many = `${one}s`,
): string {
	return `${formatCount(count)} ${count === 1 ? one : many}`;
}

/** Milliseconds as "0.31 s", "12.3 s", "4 min 05 s", "2 h 03 min", "3 d 4 h". */
export function formatDuration(milliseconds: number): string {
	const seconds = Math.max(0, milliseconds) / 1000;
	if (seconds < 9.995) return `${seconds.toFixed(2)} s`;
	if (seconds < 59.95) return `${seconds.toFixed(1)} s`;
	const whole = Math.round(seconds);
	if (whole < 3600) return `${Math.floor(whole / 60)} min ${two(whole % 60)} s`;
	const minutes = Math.round(seconds / 60);
	if (minutes < 1440)
		return `${Math.floor(minutes / 60)} h ${two(minutes % 60)} min`;
	const hours = Math.round(seconds / 3600);
	return `${Math.floor(hours / 24)} d ${hours % 24} h`;
}

/** Milliseconds as a clock shows them: "0:07", "12:34", "1:02:03". */
export function formatClock(milliseconds: number): string {
	const whole = Math.max(0, Math.round(milliseconds / 1000));
	const minutes = Math.floor(whole / 60);
	return minutes < 60
		? `${minutes}:${two(whole % 60)}`
		: `${Math.floor(minutes / 60)}:${two(minutes % 60)}:${two(whole % 60)}`;
}

/** A share, 0 to 1, as "3.2 %". */
export function formatShare(share: number): string {
	const percent = share * 100;
	return `${percent.toFixed(percent < 9.95 ? 1 : 0)} %`;
}

function two(value: number): string {
	return String(value).padStart(2, "0");
}

const sizePattern = /^(\d+(?:\.\d+)?)\s*([kmgtp]?)(?:i?b)?$/i;

/** Bytes of a size as people write it: "4096", "64k", "1.5M", "2GiB"; all powers of 1024. undefined if it is none. */
export function parseBytes(text: string): number | undefined {
	const match = sizePattern.exec(text.trim());
	if (match === null) return undefined;
	const power = " kmgtp".indexOf((match[2] ?? "").toLowerCase() || " ");
	const bytes = Math.round(Number(match[1]) * 1024 ** power);
	return Number.isSafeInteger(bytes) ? bytes : undefined;
}
