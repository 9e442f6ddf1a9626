/** What a cache of pages takes (store's page-cache.ts). */
const cacheBytes = 8 * 1024 * 1024;
const worthReuse = 1024 * 1024;
const all = new Map<number, Uint8Array[]>();
const used = new Map<number, number>();

const plain = globalThis.Uint8Array;

/**
 * Each execution opens its caches anew, and thousands of executions follow each other: some MiB a piece make the collector of garbage run all the
 * time. Here they are given out again, as clean as new ones.
 */
globalThis.Uint8Array = new Proxy(plain, {
	construct(target, args, newTarget) {
		const [bytes] = args;
		return args.length === 1 && typeof bytes === "number" && bytes >= worthReuse
			? again(bytes)
			: Reflect.construct(target, args, newTarget);
	},
});

function again(bytes: number): Uint8Array {
	const those = all.get(bytes) ?? [];
	const count = used.get(bytes) ?? 0;
	used.set(bytes, count + 1);
	const one = those[count];
	// A page is read before it is looked at.
	if (one !== undefined) return bytes === cacheBytes ? one : one.fill(0);
	const fresh = new plain(bytes);
	all.set(bytes, [...those, fresh]);
	return fresh;
}

/** Nothing that was opened before is used any more. */
export function reusePages(): void {
	used.clear();
}
