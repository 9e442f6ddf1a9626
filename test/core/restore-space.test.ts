import { statfsSync } from "node:fs";
import { afterEach, describe, expect, test, vi } from "vitest";
import { requireSpace } from "../../packages/core/src/restore/space.ts";

vi.mock("node:fs", async (original) => ({
	...(await original<typeof import("node:fs")>()),
	statfsSync: vi.fn(),
}));
afterEach(() => vi.resetAllMocks());

const statistics = {
	...{ files: 20, directories: 1, symlinks: 0, others: 0, bytes: 20 },
} as Parameters<typeof requireSpace>[1];

function requireOf(free: { bavail: number; ffree: number }): void {
	vi.mocked(statfsSync).mockReturnValue({
		...{ type: 0, bsize: 4096, blocks: 1000, bfree: 1000, files: 1000 },
		...free,
	} as never);
	requireSpace("/target", statistics, () => ({ bytes: 81_920, entries: 21 }));
}

describe("the room in a target", () => {
	test("is too little where entries are missing, and that is what is said", () => {
		expect(() => requireOf({ bavail: 1000, ffree: 5 })).toThrow(
			/too little room: 81920 bytes in 21 entries are to be restored, inodes are free for 5 entries only$/,
		);
	});

	test("is too little where bytes are missing, and that is what is said", () => {
		expect(() => requireOf({ bavail: 1, ffree: 500 })).toThrow(
			/are to be restored, 4096 bytes are free$/,
		);
	});
});
