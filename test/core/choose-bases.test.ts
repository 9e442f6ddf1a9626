import { expect, test } from "vitest";
import { chooseBases } from "../../packages/core/src/choose-bases.ts";

const base = (name: string, length: number, size: number) => ({
	...{ name, bytes: new Uint8Array(length), size },
});
const chosen = (bases: ReturnType<typeof base>[], length: number) =>
	chooseBases(bases, length, ({ size }) => size).map(({ name }) => name);

test("bases that are about as long as what is made with them all stay, and none is tried", () => {
	const bases = [base("a", 100, 9), base("b", 100, 1)];
	const sizes = () => {
		throw new Error("tried");
	};
	expect(chooseBases(bases, 100, sizes)).toEqual(bases);
	expect(chooseBases([base("a", 1000, 9)], 1, sizes)).toHaveLength(1);
	expect(chooseBases([], 1, sizes)).toEqual([]);
});

test("of longer ones those stay with which it takes least, in their order", () => {
	const bases = [
		base("a", 60, 30),
		base("b", 60, 10),
		base("c", 60, 40),
		base("d", 60, 20),
	];
	expect(chosen(bases, 50)).toEqual(["b", "d"]);
	expect(chosen(bases, 55)).toEqual(["a", "b", "d"]);
});

test("the best one stays however long it is", () => {
	expect(chosen([base("a", 900, 1), base("b", 10, 2)], 100)).toEqual(["a"]);
});
