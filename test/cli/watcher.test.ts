import type { Step } from "@varve/core";
import { describe, expect, test } from "vitest";
import type { Log } from "../../packages/cli/src/log-file.ts";
import { Report } from "../../packages/cli/src/report.ts";
import { Screen } from "../../packages/cli/src/screen.ts";
import { Watcher } from "../../packages/cli/src/watcher.ts";
import { Kept } from "./fake-surroundings.ts";

interface Given {
	readonly json?: boolean;
	readonly quiet?: boolean;
	readonly verbose?: number;
	readonly rate?: number;
	readonly isTTY?: boolean;
}

function watched({ json = false, quiet = false, verbose = 0, ...rest }: Given) {
	const [out, err] = [new Kept(), new Kept(rest.isTTY)];
	const logged: string[] = [];
	const log: Log = {
		line: (text) => logged.push(text),
		close: () => undefined,
	};
	const screen = new Screen(out, err);
	const report = new Report(screen, { command: "snapshot", json, quiet });
	let time = 0;
	const watcher = new Watcher({
		screen,
		report,
		log,
		verbose,
		now: () => time,
		rate: rest.rate,
	});
	const finish = async () => {
		watcher[Symbol.dispose]();
		await screen.flush();
	};
	const at = (moment: number, step: Partial<Step>) => {
		time = moment;
		const whole = { ...blank, ...step };
		watcher.on({ type: "step", verb: "snapshot", step: whole });
	};
	return { out, err, logged, watcher, finish, at };
}

const blank: Step = {
	phase: "store",
	files: 0,
	bytes: 0,
	totalFiles: undefined,
	totalBytes: undefined,
	fraction: undefined,
	current: undefined,
	errors: 0,
};

function tellAll(watcher: Watcher): void {
	const verb = "snapshot";
	watcher.on({ type: "start", verb, subject: "/src" });
	watcher.on({ type: "trace", message: "parent abc" });
	watcher.on({ type: "warning", message: "odd" });
	const path = "/src/\udcff";
	if (watcher.detail)
		watcher.on({ type: "entry", verb, path, action: "new", bytes: 5 });
	watcher.on({
		type: "entry-error",
		verb,
		path,
		reason: "EACCES",
		message: "cannot be read (EACCES)",
	});
	watcher.on({ type: "stop", verb });
}

describe("Watcher", () => {
	test("names entries that failed and warnings, and no more, unless asked", async () => {
		const { out, err, watcher, finish } = watched({});
		tellAll(watcher);
		await finish();
		expect(out.text).toBe("");
		expect(err.lines).toEqual([
			"warning: odd",
			"error: /src/\\xff: cannot be read (EACCES)",
		]);
	});

	test("names each step with -v, each entry with -vv", async () => {
		const one = watched({ verbose: 1 });
		expect(one.watcher.detail).toBe(false);
		const two = watched({ verbose: 2 });
		expect(two.watcher.detail).toBe(true);
		tellAll(two.watcher);
		await two.finish();
		expect(two.out.lines).toEqual(["new         /src/\\xff, 5 B"]);
		expect(two.err.lines[0]).toBe("parent abc");
	});

	test("logs everything but progress", async () => {
		const { logged, watcher, at, finish } = watched({
			quiet: true,
			verbose: 2,
		});
		tellAll(watcher);
		at(0, { files: 1 });
		await finish();
		expect(logged).toEqual([
			"snapshot begins: /src",
			"parent abc",
			"warning: odd",
			"snapshot new: /src/\udcff (5 bytes)",
			"snapshot error: /src/\udcff: cannot be read (EACCES)",
			"snapshot ends",
		]);
	});

	test("shows progress on a terminal only, at most ten times a second, and takes it away", async () => {
		const { err, at, finish } = watched({ isTTY: true });
		for (let i = 0; i <= 1000; i++) at(i, { files: i + 1 });
		await finish();
		const shown = err.text.split("\r\u001b[2K").filter((part) => part !== "");
		expect(shown).toHaveLength(11);
		expect(shown[0]).toBe("store  1 files  0:00");
		expect(err.text.endsWith("\r\u001b[2K")).toBe(true);
		const pipe = watched({});
		pipe.at(0, { files: 1 });
		await pipe.finish();
		expect(pipe.err.text + pipe.out.text).toBe("");
	});

	test("tells programs a few times a second how far it is", async () => {
		const { out, at, finish } = watched({ json: true, rate: 2 });
		for (let i = 0; i <= 1000; i += 10)
			at(i, { files: 5, bytes: i, totalBytes: 1000, current: "/src/\udcff" });
		await finish();
		const statuses = out.messages.filter(
			({ message_type }) => message_type === "status",
		);
		expect(statuses.map(({ percent_done }) => percent_done)).toEqual([
			0, 0.5, 1,
		]);
		expect(statuses[1]).toEqual({
			message_type: "status",
			phase: "store",
			seconds_elapsed: 1,
			seconds_remaining: 1,
			percent_done: 0.5,
			files_done: 5,
			total_bytes: 1000,
			bytes_done: 500,
			error_count: 0,
			current_files: ["/src/\ufffd"],
		});
	});

	test("a rate of 0 shows no progress", async () => {
		const { out, at, finish } = watched({ json: true, rate: 0 });
		at(0, { files: 5 });
		await finish();
		expect(out.text).toBe("");
	});
});
