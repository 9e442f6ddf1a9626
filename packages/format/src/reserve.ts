/** Bytes of the reserve of a repository without snapshots: leases, lists and marks are files of a block each. */
export const leastReserve = 128 * 1024;
const mostReserve = 1024 * 1024;
const fixedBytes = 64 * 1024;
/** For the mark that forgets one snapshot: a block. */
const markBytes = 4096;

/** Bytes to keep aside where there are so many snapshots: twice as many now and then, so that it is seldom written anew. */
export function reserveBytesFor(snapshots: number): number {
	const needed = fixedBytes + snapshots * markBytes;
	let bytes = leastReserve;
	while (bytes < needed && bytes < mostReserve) bytes *= 2;
	return bytes;
}
