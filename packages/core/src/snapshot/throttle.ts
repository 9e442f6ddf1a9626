/** Sleeps this thread as needed so that no more than `rate` bytes a second go through it; undefined for no limit. */
export function createThrottle(
	rate: number | undefined,
): (bytes: number) => void {
	if (rate === undefined) return () => {};
	const sleeper = new Int32Array(new SharedArrayBuffer(4));
	let owed = 0;
	let last = process.hrtime.bigint();
	return (bytes) => {
		const now = process.hrtime.bigint();
		owed = Math.max(0, owed - (Number(now - last) / 1e9) * rate) + bytes;
		last = now;
		// Sleeping for less than 20 ms costs more than it brings.
		if (owed > rate / 50) Atomics.wait(sleeper, 0, 0, (owed / rate) * 1000);
	};
}
