import { describe, expect, test } from "vitest";
import { runCampaign } from "./run-campaign.ts";

describe("the program", () => {
	test("finds each flipped bit, names what it hurts, and restores no wrong byte (T04, T48)", async () => {
		const account = await runCampaign("flip", { places: 60, wounds: 15 });
		expect(account.failures).toEqual([]);
		expect(account["packs"]).toBeGreaterThan(0);
		expect(account["hurtRestores"]).toBeGreaterThan(0);
	});

	test("detects any bit that is flipped, any cut and any loss of a file, restores no wrong byte, and repairs all that is intact (T04, T45, T48)", async () => {
		const account = await runCampaign("wounds", { every: 1000, jobs: 1 });
		expect(account.failures).toEqual([]);
		expect(account["flips"]).toBeGreaterThan(10);
		expect(account["gone"]).toBeGreaterThan(20);
		expect(account["healed"]).toBeGreaterThan(0);
	}, 600_000);

	test("says what is lost of a repository without one of its files, and restores the rest (T04, T45)", async () => {
		const account = await runCampaign("missing", { files: 12, every: 9 });
		expect(account.failures).toEqual([]);
		expect(account["packs"]).toBeGreaterThan(0);
	}, 600_000);

	test("answers the same whatever became of the client's cache (T08, T09)", async () => {
		const account = await runCampaign("cache", {
			wounds: 3,
			commands: 1,
			files: 150,
		});
		expect(account.failures).toEqual([]);
		expect(account["answersWithWarning"]).toBeGreaterThan(0);
	});
});
