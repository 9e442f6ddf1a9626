import { expect } from "vitest";
import {
	CorruptError,
	UnsupportedError,
} from "../../packages/format/src/index.ts";

/** What a decoder made of some bytes: a value, or one of the two errors that damaged or newer bytes may cause. */
export function attempt<T>(
	decode: (bytes: Uint8Array) => T,
	bytes: Uint8Array,
): { readonly value: T } | undefined {
	try {
		return { value: decode(bytes) };
	} catch (error) {
		if (error instanceof CorruptError || error instanceof UnsupportedError)
			return undefined;
		throw error;
	}
}

/** Bytes cut at every length, and with every single byte changed in several ways. */
export function* damaged(bytes: Uint8Array): Generator<Uint8Array> {
	for (let length = 0; length < bytes.length; length++)
		yield bytes.slice(0, length);
	for (let at = 0; at < bytes.length; at++)
		for (const flip of [0x01, 0x02, 0x10, 0x80, 0xff]) {
			const changed = bytes.slice();
			changed[at] = (changed[at] as number) ^ flip;
			yield changed;
		}
	yield Uint8Array.of(...bytes, 0);
}

/** Of a codec in which each value has one form: what `decode` accepts, `encode` writes again byte by byte. */
export interface Canonical<T> {
	readonly decode: (bytes: Uint8Array) => T;
	readonly encode: (value: T) => Uint8Array;
}

export function expectCanonical<T>(
	{ decode, encode }: Canonical<T>,
	bytes: Uint8Array,
): void {
	const decoded = attempt(decode, bytes);
	if (decoded !== undefined)
		expect(hex(encode(decoded.value))).toBe(hex(bytes));
}

/** Every damage to `bytes` is refused, or gives another value that is encoded as just these bytes. */
export function expectSturdy<T>(codec: Canonical<T>, bytes: Uint8Array): void {
	for (const damage of damaged(bytes)) expectCanonical(codec, damage);
}

/** Every damage to `bytes` is refused. */
export function expectAllRefused(
	decode: (bytes: Uint8Array) => unknown,
	bytes: Uint8Array,
): void {
	for (const damage of damaged(bytes))
		if (attempt(decode, damage) !== undefined)
			expect.fail(`accepted: ${hex(damage)}`);
}

/** Refused, and without having allocated more than a few megabytes. */
export function expectRefusedCheaply(
	decode: (bytes: Uint8Array) => unknown,
	bytes: Uint8Array,
): void {
	const before = process.memoryUsage();
	expect(attempt(decode, bytes)).toBeUndefined();
	const after = process.memoryUsage();
	expect(after.arrayBuffers - before.arrayBuffers).toBeLessThan(4 << 20);
	expect(after.heapUsed - before.heapUsed).toBeLessThan(16 << 20);
}

export function hex(bytes: Uint8Array): string {
	return Buffer.from(bytes).toString("hex");
}

export function bytesOf(text: string): Uint8Array {
	return new Uint8Array(Buffer.from(text, "latin1"));
}
