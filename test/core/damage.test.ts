import { CorruptError, StorageError } from "@varve/format";
import { expect, test } from "vitest";
import { isDamage } from "../../packages/core/src/damage.ts";

test("what a file system says of one object is damage, and what passes is not", () => {
	const failed = (transient: boolean) =>
		new StorageError("STORAGE_FAILED", "cannot read", { transient });
	expect(isDamage(failed(false))).toBe(true);
	expect(isDamage(failed(true))).toBe(false);
	expect(isDamage(new CorruptError("BAD_CHUNK", "a chunk"))).toBe(true);
	expect(isDamage(new Error("anything"))).toBe(false);
});
