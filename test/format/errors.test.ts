import { describe, expect, test } from "vitest";
import {
	ConflictError,
	CorruptError,
	fromWire,
	InputError,
	isVarveError,
	NotFoundError,
	SourceError,
	StorageError,
	TargetError,
	toWire,
	UnsupportedError,
} from "../../packages/format/src/index.ts";

const classes = [
	InputError,
	NotFoundError,
	ConflictError,
	UnsupportedError,
	CorruptError,
	StorageError,
	SourceError,
	TargetError,
];

/** What a thread makes of an error that another one sent. */
const across = (error: unknown) => fromWire(structuredClone(toWire(error)));

describe("errors across threads", () => {
	test.each(classes)("%o keeps class, code, details and cause", (Class) => {
		const cause = new InputError("INNER", "inner", { n: 2n });
		const error = new Class(
			"OUTER",
			"outer",
			{ path: "/a", size: 1, ok: true },
			{ cause },
		);
		const copy = across(error);
		expect(copy).toBeInstanceOf(Class);
		expect(copy).toMatchObject({
			name: Class.name,
			code: "OUTER",
			message: "outer",
			details: { path: "/a", size: 1, ok: true },
			stack: error.stack,
			cause: { name: "InputError", code: "INNER", details: { n: 2n } },
		});
	});

	test("an error of the system keeps its name and code", () => {
		const error = Object.assign(new RangeError("no"), { code: "EACCES" });
		expect(across(error)).toMatchObject({
			name: "RangeError",
			code: "EACCES",
			message: "no",
		});
		expect(isVarveError(across(error))).toBe(false);
	});

	test("what is no error becomes one", () => {
		expect(across("text").message).toBe("text");
		expect(across(undefined).message).toBe("undefined");
	});

	test("causes that go round in a circle end", () => {
		const error = new Error("round");
		error.cause = error;
		expect(across(error).message).toBe("round");
	});

	test("an error is known by its mark, not by its class", () => {
		expect(isVarveError(new CorruptError("A", "a"))).toBe(true);
		expect(isVarveError(new Error("a"))).toBe(false);
		expect(isVarveError(null)).toBe(false);
		expect(isVarveError("a")).toBe(false);
	});
});
