import { expect, test } from "vitest";
import { runCampaign } from "./run-campaign.ts";

test("killed at any moment of a restore in place, --resume ends in what the snapshot holds and --abort in what was there (T85)", async () => {
	const account = await runCampaign("onto", { kills: 2, files: 300, large: 1 });
	expect(account.failures).toEqual([]);
});
