/**
 * Index of the first item that is not below what is looked for. `order` is negative for an item below it. What is looked up for
 * each chunk has searches of its own, over bytes and without a call for each step.
 */
export function lowerBound<T>(
	items: ArrayLike<T>,
	order: (item: T) => number,
): number {
	let low = 0;
	let high = items.length;
	while (low < high) {
		const middle = (low + high) >>> 1;
		if (order(items[middle] as T) < 0) low = middle + 1;
		else high = middle;
	}
	return low;
}
