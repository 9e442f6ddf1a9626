import { spawnSync } from "node:child_process";
import { once } from "node:events";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { Workbench } from "./workbench.ts";

const bench = new Workbench();
const source = bench.path("source");
const hasScript =
	process.platform === "linux" &&
	spawnSync("script", ["--version"]).error === undefined;

beforeAll(() => {
	bench.done("init");
	for (let i = 0; i < 2000; i++)
		bench.write(`source/d${i % 20}/file number ${i}`, `${i}\n`);
	bench.write("source/e\u001b[2J\n", "escape\n");
	bench.done(["snapshot", source]);
});
afterAll(() => bench.remove());

/** What a terminal gets to see of a command. */
function onTerminal(args: readonly string[]): string {
	const words = [process.execPath, ...bench.command(args)];
	const line = words.map((word) => `'${word}'`).join(" ");
	const { stdout } = spawnSync("script", ["-qec", line, "/dev/null"], {
		cwd: bench.folder,
		env: {
			PATH: process.env["PATH"],
			HOME: bench.home,
			TERM: "xterm",
			COLUMNS: "100",
		},
		input: "",
	});
	return stdout.toString();
}

describe.skipIf(!hasScript)("on a terminal", () => {
	test("progress is shown while it works, and is gone at the end", () => {
		const shown = onTerminal([
			"-r",
			bench.repository,
			"snapshot",
			"-f",
			source,
		]);
		const parts = shown.split("\r\u001b[2K");
		expect(parts.length).toBeGreaterThan(2);
		expect(parts[1]).toMatch(/^\S.* files/);
		const end = parts.at(-1) ?? "";
		expect(end).toMatch(/^snapshot [0-9a-f]{8} of /);
		expect(end.replaceAll("\r\n", "")).not.toMatch(/\p{Cc}/u);
	});

	test("nothing but the erasing of its own line drives it, whatever names there are (T67)", () => {
		for (const args of [
			["ls", "-lR", "latest"],
			["find", "*2J*"],
			["checksums", "latest"],
			["snapshot", "-vvf", source],
		]) {
			const shown = onTerminal(["-r", bench.repository, ...args]);
			const rest = shown.replaceAll("\r\u001b[2K", "").replaceAll("\r\n", "");
			expect(rest).toContain("e\\x1b[2J\\n");
			expect(rest).not.toMatch(/\p{Cc}/u);
		}
	});

	test("an archive is refused", () => {
		const shown = onTerminal(["-r", bench.repository, "dump", "latest"]);
		expect(shown).toMatch(/varve: an archive is nothing for a terminal/);
	});
});

test("without a terminal there is the summary alone", () => {
	const { stdout, stderr } = bench.done(["snapshot", "-f", source]);
	expect(stderr).toBe("");
	expect(stdout).not.toContain("\r");
	expect(stdout.split("\n").length).toBeLessThan(8);
});

test.each([
	["ls -R latest"],
	["checksums latest"],
	["dump latest"],
	["find *"],
	["ls -R --json latest"],
])("varve %s ends quietly when its reader has gone", async (line) => {
	const child = bench.start(["-r", bench.repository, ...line.split(" ")]);
	let stderr = "";
	child.stderr?.on("data", (chunk) => {
		stderr += chunk;
	});
	child.stdout?.once("data", () => child.stdout?.destroy());
	const [code] = await once(child, "close");
	expect(stderr).toBe("");
	expect(code).toBe(0);
});

test("a snapshot whose reader has gone is made all the same", async () => {
	const before = bench.summary("snapshots")["snapshots_count"] as number;
	const child = bench.start([
		"-r",
		bench.repository,
		"snapshot",
		"-vvf",
		source,
	]);
	child.stdout?.once("data", () => child.stdout?.destroy());
	const [code] = await once(child, "close");
	expect(code).toBe(0);
	expect(bench.summary("snapshots")["snapshots_count"]).toBe(before + 1);
});

describe("standard input", () => {
	test("is kept as one file", () => {
		const input = Buffer.alloc(200_000, "stream\n");
		const options = { input };
		bench.done(["snapshot", "--stdin", "--stdin-filename", "all.sql"], options);
		expect(bench.done("cat latest:/all.sql").bytes.equals(input)).toBe(true);
	});

	test("of a command is kept, its arguments untouched", () => {
		bench.done([
			"snapshot",
			"--stdin-from-command",
			"--",
			"printf",
			"%s-%s",
			"-v",
			"--json",
		]);
		expect(bench.done("cat latest:/stdin").stdout).toBe("-v---json");
	});

	test("can be a list of what to take", () => {
		bench.done(["snapshot", "--files-from-raw", "-"], {
			input: `${source}/d1\0`,
		});
		expect(bench.done("ls latest").lines[0]).toBe(`${source}/d1`);
	});
});

test("--low-priority, --limit-read and --workers change nothing of what is stored", () => {
	const trees = [
		["--workers", "0"],
		["--low-priority"],
		["--limit-read", "100M", "--compression", "max", "--workers", "3"],
	].map((flags) => {
		const id = bench.summary(["snapshot", "-f", ...flags, source])[
			"snapshot_id"
		];
		return bench.messages(["show", String(id)])[1]?.["tree"];
	});
	expect(new Set(trees).size).toBe(1);
});
