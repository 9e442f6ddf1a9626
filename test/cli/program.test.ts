import { describe, expect, test } from "vitest";
import { runProgram } from "../../packages/cli/src/program.ts";
import { fakeSurroundings } from "./fake-surroundings.ts";

async function run(...argv: string[]) {
	const surroundings = fakeSurroundings();
	const code = await runProgram(argv, surroundings);
	const { stdout, stderr } = surroundings;
	return { code, stdout, stderr, surroundings };
}

describe("a wrong call ends with 2 and one sentence", () => {
	test.each([
		["snapshots --nope", "unknown option '--nope'"],
		["--nope snapshots", "unknown option '--nope'"],
		["snapshot --exclud x", "(Did you mean --exclude?)"],
		["snapsot", "unknown command 'snapsot' (Did you mean snapshot?)"],
		["restore", "say which snapshot to restore"],
		["restore latest", "say where to restore: -t DIR"],
		["show one two", "too many arguments for 'show'"],
		["snapshot --exclude-larger-than big .", "Not a size"],
		["snapshot --compression best .", "Allowed choices are auto, off"],
		["snapshot --workers many .", "Not a whole number"],
		["snapshot --limit-read 0 .", "It must be more than 0"],
		["snapshot --time soon .", "soon is not a time"],
		["snapshot", "no path to take a snapshot of"],
		["snapshot --stdin .", "--stdin takes no paths"],
		["snapshot --stdin --stdin-from-command -- ls", "cannot be combined"],
		["snapshot --stdin-from-command", "needs a command behind --"],
		["snapshot --files-from /nowhere/list", "cannot read /nowhere/list"],
		["snapshots --latest 0", "It must be at least 1"],
		["verify --read-data-subset 6/5", "Write 2/5 for the second of five"],
		["verify --scrub --read-data", "--scrub cannot be combined"],
		["tag latest", "say what to change"],
		["forget --keep-last many", '"many" does not say how many to keep'],
		["forget --keep-within 1w", '"1w" is not a duration'],
		["forget --group-by colour", 'not grouped by "colour"'],
		["forget --for keep-last=2", "says for which snapshots"],
		["forget --for tag=x", "says what to keep"],
		["forget --for tag=x,keep-last", "says what to keep"],
		["forget --for nonsense", "it begins with host="],
		["forget --at soon --keep-last 1", "soon is not a time"],
		["forget latest --keep-last 1", "named snapshots cannot be combined"],
		["forget --policy a --keep-last 1", "--policy cannot be combined"],
		["forget --unsafe-allow-remove-all", "wants --host, --path or --tag"],
		["policy list default", "did you mean set?"],
		["policy set", "set which policy?"],
		["policy remove a --keep-last 1", "remove takes no rules"],
		["policy change a", "Allowed choices are list, set, remove"],
		["tag latest --set a --add b", "--set cannot be combined"],
		["cat --json latest:/a", "cat prints bytes"],
		["completion tcsh", "Allowed choices are bash, zsh, fish"],
		["snapshots --log-file /nowhere/log", "cannot write the log file"],
	])("varve %s", async (line, sentence) => {
		const { code, stdout, stderr } = await run(...line.split(" "));
		const asked = line.includes("--json") ? stdout : stderr;
		expect(asked.text).toContain(sentence);
		expect(code).toBe(2);
		expect(asked.text).not.toMatch(/^\s+at /m);
		if (!line.includes("--json")) {
			expect(stderr.lines).toHaveLength(1);
			expect(stdout.text).toBe("");
		}
	});

	test("and where to look", async () => {
		const { stderr } = await run("show", "--nope");
		expect(stderr.text).toBe(
			"varve: unknown option '--nope' (varve show --help tells what it takes)\n",
		);
	});

	test("as a message with --json", async () => {
		const { code, stdout, stderr } = await run("--json", "show", "--nope");
		expect(code).toBe(2);
		expect(stderr.text).toBe("");
		expect(stdout.messages.map((m) => m["message_type"])).toEqual([
			"header",
			"exit_error",
		]);
	});
});

describe("help and version", () => {
	test.each([["--help"], ["help"], ["-h"]])(
		"%s lists commands",
		async (word) => {
			const { code, stdout, stderr } = await run(word);
			expect(code).toBe(0);
			expect(stderr.text).toBe("");
			expect(stdout.text).toContain("take a snapshot");
			expect(stdout.text).not.toContain("__complete");
		},
	);

	test.each([
		["snapshot --help"],
		["backup -h"],
		["help snapshot"],
		["help backup"],
	])("%s tells what a command takes", async (line) => {
		const { code, stdout } = await run(...line.split(" "));
		expect(code).toBe(0);
		expect(stdout.text).toContain("--exclude-if-present");
		expect(stdout.text).toContain("--json");
		expect(stdout.text).toContain("Examples:");
	});

	test("without a command help is shown on the other stream, and the exit code is 2", async () => {
		const { code, stdout, stderr } = await run();
		expect(code).toBe(2);
		expect(stdout.text).toBe("");
		expect(stderr.text).toContain("Usage: varve");
		expect(stderr.text).not.toContain("outputHelp");
	});

	test("--version prints the version alone", async () => {
		const { code, stdout } = await run("--version");
		expect(code).toBe(0);
		expect(stdout.text).toMatch(/^\d+\.\d+\.\d+\n$/);
	});
});

describe("without a repository", () => {
	test.each([
		["snapshots"],
		["show latest"],
		["ls latest"],
		["find x"],
		["history x"],
		["cat latest:x"],
		["checksums latest"],
		["restore latest -t /nowhere/target"],
		["verify"],
		["tag latest --add x"],
		["pin latest"],
		["config"],
	])("varve %s ends with 10 and says what to do", async (line) => {
		const { code, stderr } = await run(...line.split(" "));
		expect(code).toBe(10);
		expect(stderr.lines[0]).toBe(
			"varve: no repository was named, there is no .varve here or above, and no default repository at /nowhere/home/.local/share/varve/default yet",
		);
		expect(stderr.lines[1]).toMatch(/^hint: name a repository with -r DIR/);
		expect(stderr.lines).toHaveLength(2);
	});

	test("one that was named is named again", async () => {
		const { code, stderr } = await run("-r", "repo", "snapshots");
		expect(code).toBe(10);
		expect(stderr.lines[0]).toContain(
			"there is no repository at /nowhere/here/repo",
		);
	});
});

test("options of every command may stand before it and behind it, the latter first", async () => {
	const before = await run("-r", "/nowhere/a", "--json", "snapshots");
	expect(before.stdout.messages.at(-1)).toMatchObject({
		message_type: "exit_error",
		code: 10,
		error: "NO_REPOSITORY",
	});
	const both = await run("-r", "/nowhere/a", "snapshots", "-qvr", "/nowhere/b");
	expect(both.stderr.text).toContain("/nowhere/b");
});

test("nothing listens for signals afterwards", async () => {
	const { surroundings } = await run("snapshots");
	expect(surroundings.signals.eventNames()).toEqual([]);
});
