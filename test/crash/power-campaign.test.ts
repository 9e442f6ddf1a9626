import { describe, expect, test } from "vitest";
import { runCampaign } from "./run-campaign.ts";

describe("the program", () => {
	test("loses nothing that it promised when power is lost at any operation of anything it does (T01, T02, T10)", async () => {
		const account = await runCampaign("power", { variants: 3, brief: 1 });
		expect(account.failures).toEqual([]);
		expect(account["losses"]).toBeGreaterThanOrEqual(5000);
		expect(account["recordings"]).toBeGreaterThanOrEqual(12);
	}, 900_000);
});
