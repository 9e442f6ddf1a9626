import { expect, test } from "vitest";
import { runCampaign } from "./run-campaign.ts";

test("keeps what it said it had, and finds no damage, while writers, readers and collectors are killed, suspended and fenced (T20, T23, T25)", async () => {
	const account = await runCampaign("storm", {
		rounds: 1,
		seconds: 6,
		writers: 2,
		readers: 1,
		collectors: 1,
	});
	expect(account.failures).toEqual([]);
	expect(account["kills"]).toBeGreaterThan(0);
	expect(account["suspended"]).toBeGreaterThan(0);
});

test("is found out by the storm if gc does not see the leases of others", async () => {
	const account = await runCampaign(
		"storm",
		{ rounds: 1, seconds: 15, between: 400 },
		{ VARVE_STORM_SABOTAGE: "blind" },
	);
	expect(account.failures).not.toEqual([]);
});

test("snapshots, restores, forgets and collects on two machines at once, and gcs do not hold up a slow first snapshot (T24)", async () => {
	const account = await runCampaign("two-machines", {
		seconds: 12,
		writers: 1,
		gcs: 2,
	});
	expect(account.failures).toEqual([]);
	expect(account["gcsMeanwhile"]).toBeGreaterThanOrEqual(2);
});

test("stays as small as what it keeps, and each kept snapshot exact, through forty days of hourly snapshots", async () => {
	const account = await runCampaign("endurance", {
		days: 40,
		hours: 6,
		files: 20,
	});
	expect(account.failures).toEqual([]);
	expect(account["restored"]).toBe(account["kept"]);
	expect(account["forgotten"]).toBeGreaterThan(0);
});
