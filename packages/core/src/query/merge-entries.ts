import { type Bytes, compareBytes } from "@varve/format";

/** What has the same name on two sides; one of both may be missing. */
export interface Pair<A, B> {
	readonly before: A | undefined;
	readonly after: B | undefined;
}

/** Joins two sequences in the order of the bytes of names. */
export function* mergeByName<A, B>(
	before: Iterable<A>,
	after: Iterable<B>,
	names: { readonly before: (a: A) => Bytes; readonly after: (b: B) => Bytes },
): Generator<Pair<A, B>> {
	const left = before[Symbol.iterator]();
	const right = after[Symbol.iterator]();
	let a = left.next();
	let b = right.next();
	while (a.done !== true || b.done !== true) {
		const order =
			a.done === true
				? 1
				: b.done === true
					? -1
					: compareBytes(names.before(a.value), names.after(b.value));
		yield {
			before: order <= 0 ? a.value : undefined,
			after: order >= 0 ? b.value : undefined,
		};
		if (order <= 0) a = left.next();
		if (order >= 0) b = right.next();
	}
}
