export function clearBit(bits: Uint8Array, at: number): void {
	const byte = bits[at >>> 3] as number;
	bits[at >>> 3] = byte & ~(1 << (at & 7));
}

export function isSet(bits: Uint8Array, at: number): boolean {
	return ((bits[at >>> 3] as number) & (1 << (at & 7))) !== 0;
}

/** False if it was set. */
export function setBit(bits: Uint8Array, at: number): boolean {
	const byte = bits[at >>> 3] as number;
	const bit = 1 << (at & 7);
	bits[at >>> 3] = byte | bit;
	return (byte & bit) === 0;
}
