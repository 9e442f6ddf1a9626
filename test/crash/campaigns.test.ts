import { describe, expect, test } from "vitest";
import { runCampaign } from "./run-campaign.ts";

describe("the program", () => {
	test("killed during a snapshot, a restore or an init leaves no damage, and the next run uses what was stored", async () => {
		const account = await runCampaign("kill", {
			kills: 3,
			restores: 1,
			inits: 1,
			files: 150,
			large: 3,
			"pack-mib": 0.5,
		});
		expect(account.failures).toEqual([]);
		expect(account["killed"]).toBeGreaterThan(0);
	});

	test("interrupted at any moment of a snapshot ends with 130 or 143 and no snapshot, and the next run uses what was stored (T06)", async () => {
		const account = await runCampaign("interrupt", {
			signals: 3,
			files: 150,
			large: 3,
			"pack-mib": 0.5,
		});
		expect(account.failures).toEqual([]);
		expect(account["stopped"]).toBeGreaterThan(0);
	});

	test("whose processes take and drop leases while some are killed never has two gc at once, and clears what is left (T23)", async () => {
		const account = await runCampaign("leases", {
			processes: 4,
			rounds: 40,
			kills: 4,
		});
		expect(account.failures).toEqual([]);
		expect(account["killed"]).toBeGreaterThan(0);
		expect(account["alone"]).toBeGreaterThan(0);
	});

	test("takes two snapshots and restores a third at the same time, and stores what both have at most twice (T24)", async () => {
		const account = await runCampaign("concurrent", {
			rounds: 2,
			files: 200,
			"pack-mib": 1,
		});
		expect(account.failures).toEqual([]);
	});

	test("on a full disk ends with 13 and no snapshot, and with space the next run succeeds (T12)", async ({
		skip,
	}) => {
		const account = await runCampaign("full-disk", { disks: 2, files: 100 });
		if (account["skippedWithoutRoot"])
			skip("a small disk can be mounted by root only");
		expect(account.failures).toEqual([]);
	});
});
