import type { LeaseId } from "@varve/format";
import { describe, expect, test } from "vitest";
import { judgeHolder } from "../../packages/core/src/judge-holder.ts";
import type { Identity } from "../../packages/core/src/ports.ts";

const here: Identity = {
	host: "host",
	user: "user",
	machineId: "machine",
	bootId: "boot",
	pid: 100,
	startTicks: "5000",
	pidNamespace: "pid:[1]",
	program: "varve",
};

const lease = {
	...here,
	lease: "ab".repeat(16) as LeaseId,
	kind: "writer" as const,
	beat: 0,
	created: "2026-11-19T12:00:00Z",
	snapshots: [],
	command: "snapshot",
};

const absent = () => undefined;
const same = () => "5000";
const later = () => "6000";
const hidden = () => "";

const twoHours = (sign: number) => ({
	created: new Date(Date.parse(lease.created) + sign * 7_200_000).toISOString(),
});

describe("the holder of a lease", () => {
	test.each([
		["the same process", {}, same, "running"],
		["no such process any more", {}, absent, "ended"],
		["the same number, another start", {}, later, "ended"],
		["another boot of this machine", { bootId: "before" }, same, "ended"],
		["another boot, process there", { bootId: "before" }, later, "ended"],
		["another pid namespace", { pidNamespace: "pid:[2]" }, absent, "unknown"],
		["the same pid elsewhere", { pidNamespace: "pid:[2]" }, same, "unknown"],
		["no pid namespace known", { pidNamespace: "" }, absent, "unknown"],
		[
			"another machine",
			{ host: "other", machineId: "other", bootId: "other" },
			absent,
			"unknown",
		],
		["a clone's boot", { host: "clone", bootId: "other" }, same, "unknown"],
		["a nameless machine", { host: "", bootId: "other" }, same, "unknown"],
		["a machine without id", { machineId: "", bootId: "o" }, same, "unknown"],
		["no boot known", { bootId: "" }, absent, "unknown"],
		["a process that is hidden", {}, hidden, "unknown"],
		["a start never known", { startTicks: "" }, later, "unknown"],
		["a start never known, gone", { startTicks: "" }, absent, "ended"],
		["a clock two hours ahead", twoHours(1), same, "running"],
		["a clock two hours behind", twoHours(-1), same, "running"],
		["gone, two hours ahead", twoHours(1), absent, "ended"],
		["gone, two hours behind", twoHours(-1), absent, "ended"],
	] as const)(
		"is judged without comparing clocks: %s (T22)",
		(_, changed, startTicksOf, verdict) => {
			expect(judgeHolder({ ...lease, ...changed }, here, startTicksOf)).toBe(
				verdict,
			);
		},
	);

	test("is unknown where this machine's own boot is, whatever the lease says (T22)", () => {
		const nowhere = { ...here, bootId: "", machineId: "" };
		expect(judgeHolder(lease, nowhere, absent)).toBe("unknown");
	});
});
