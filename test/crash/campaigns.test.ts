import { spawn } from "node:child_process";
import { fileURLToPath } from "node:url";
import { describe, expect, test } from "vitest";

interface Account {
	readonly failures: readonly string[];
	readonly [count: string]: unknown;
}

/** Runs a campaign of this folder, small, and returns its account: the same as by hand, where it is large. */
async function campaign(
	name: string,
	options: Readonly<Record<string, number>>,
): Promise<Account> {
	const words = Object.entries(options).flatMap(([option, value]) => [
		`--${option}`,
		String(value),
	]);
	const script = fileURLToPath(new URL(`${name}.mjs`, import.meta.url));
	const child = spawn(process.execPath, [script, ...words], {
		stdio: ["ignore", "pipe", "ignore"],
	});
	let stdout = "";
	child.stdout.setEncoding("utf8").on("data", (text) => {
		stdout += text;
	});
	await new Promise((resolve) => child.once("close", resolve));
	return JSON.parse(stdout) as Account;
}

describe("the program", () => {
	test("killed during a snapshot, a restore or an init leaves no damage, and the next run uses what was stored", async () => {
		const account = await campaign("kill", {
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
		const account = await campaign("interrupt", {
			signals: 3,
			files: 150,
			large: 3,
			"pack-mib": 0.5,
		});
		expect(account.failures).toEqual([]);
		expect(account["stopped"]).toBeGreaterThan(0);
	});

	test("whose processes take and drop leases while some are killed never has two gc at once, and clears what is left (T23)", async () => {
		const account = await campaign("leases", {
			processes: 4,
			rounds: 40,
			kills: 4,
		});
		expect(account.failures).toEqual([]);
		expect(account["killed"]).toBeGreaterThan(0);
		expect(account["alone"]).toBeGreaterThan(0);
	});

	test("loses nothing that it promised when power is lost at any operation of anything it does (T01, T02, T10)", async () => {
		const account = await campaign("power", { variants: 3, brief: 1 });
		expect(account.failures).toEqual([]);
		expect(account["losses"]).toBeGreaterThanOrEqual(5000);
		expect(account["recordings"]).toBeGreaterThanOrEqual(12);
	}, 900_000);

	test("finds each flipped bit, names what it hurts, and restores no wrong byte (T04, T48)", async () => {
		const account = await campaign("flip", { places: 60, wounds: 15 });
		expect(account.failures).toEqual([]);
		expect(account["packs"]).toBeGreaterThan(0);
		expect(account["hurtRestores"]).toBeGreaterThan(0);
	});

	test("detects any bit that is flipped, any cut and any loss of a file, restores no wrong byte, and repairs all that is intact (T04, T45, T48)", async () => {
		const account = await campaign("wounds", { every: 3000, jobs: 1 });
		expect(account.failures).toEqual([]);
		expect(account["flips"]).toBeGreaterThan(10);
		expect(account["gone"]).toBeGreaterThan(20);
		expect(account["healed"]).toBeGreaterThan(0);
	}, 600_000);

	test("says what is lost of a repository without one of its files, and restores the rest (T04, T45)", async () => {
		const account = await campaign("missing", { files: 12, every: 9 });
		expect(account.failures).toEqual([]);
		expect(account["packs"]).toBeGreaterThan(0);
	}, 600_000);

	test("takes two snapshots and restores a third at the same time, and stores what both have at most twice (T24)", async () => {
		const account = await campaign("concurrent", {
			rounds: 2,
			files: 200,
			"pack-mib": 1,
		});
		expect(account.failures).toEqual([]);
	});

	test("answers the same whatever became of the client's cache (T08, T09)", async () => {
		const account = await campaign("cache", {
			wounds: 3,
			commands: 1,
			files: 150,
		});
		expect(account.failures).toEqual([]);
		expect(account["answersWithWarning"]).toBeGreaterThan(0);
	});

	test("on a full disk ends with 13 and no snapshot, and with space the next run succeeds (T12)", async ({
		skip,
	}) => {
		const account = await campaign("full-disk", { disks: 2, files: 100 });
		if (account["skippedWithoutRoot"])
			skip("a small disk can be mounted by root only");
		expect(account.failures).toEqual([]);
	});
});
