/** Lets the event loop have its turn, for signals and progress. Throws the reason of the signal if it is aborted by then. */
export async function takeTurn(signal: AbortSignal | undefined): Promise<void> {
	await new Promise((done) => setImmediate(done));
	signal?.throwIfAborted();
}
