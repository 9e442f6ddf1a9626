import { spawnSync } from "node:child_process";
import {
	chmodSync,
	linkSync,
	mkdirSync,
	readdirSync,
	readFileSync,
	symlinkSync,
	utimesSync,
} from "node:fs";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { Workbench } from "./workbench.ts";

const bench = new Workbench();
const source = bench.path("source");
let first = "";
let second = "";

beforeAll(() => {
	bench.done("init");
	bench.write("source/a.txt", "one\n");
	bench.write("source/sub/b.bin", new Uint8Array(300_000).fill(7));
	bench.write("source/sub/\u001b[31mred\n.txt", "escape\n");
	bench.write("source/log/x.log", "noise\n");
	symlinkSync("a.txt", join(source, "link"));
	linkSync(join(source, "a.txt"), join(source, "hard"));
	mkdirSync(join(source, "empty"));
	chmodSync(join(source, "sub"), 0o750);
	utimesSync(join(source, "a.txt"), 1_700_000_000, 1_700_000_000.5);
	const one = bench.summary(["snapshot", "--tag", "first", source]);
	bench.write("source/a.txt", "one\ntwo\n");
	const two = bench.summary(["snapshot", "-e", "*.log", source]);
	first = String(one["snapshot_id"]);
	second = String(two["snapshot_id"]);
});
afterAll(() => bench.remove());

describe("snapshot", () => {
	test("says what it did, how little was added, and how to restore it, and that works as it stands", () => {
		const { lines } = bench.done(["snapshot", "-e", "*.log", source]);
		const text = lines.join("\n");
		expect(text).toMatch(/^snapshot [0-9a-f]{8} of .*source$/m);
		expect(text).toMatch(
			/holds {3}4 files, 4 directories, 1 other entry, 293 KiB/,
		);
		expect(text).toMatch(/added {3}\d+ B/);
		const command = /^restore it: (.*)$/m.exec(text)?.[1] ?? "";
		const shell = spawnSync("sh", ["-c", command], { cwd: bench.folder });
		expect(shell.stderr.toString()).toBe("");
		const target = bench.path(command.split(" ").at(-1) ?? "");
		expect(readFileSync(join(target, source, "a.txt"), "utf8")).toBe(
			"one\ntwo\n",
		);
	});

	test("-q says nothing, -v and -vv say more", () => {
		const quiet = bench.done(["snapshot", "-q", source]);
		expect(quiet.stdout + quiet.stderr).toBe("");
		const loud = bench.done(["snapshot", "-vv", "-f", source]);
		expect(loud.stdout).toMatch(/^\w+ +.*\/source\/sub\/b\.bin, 293 KiB$/m);
	});

	test("--dry-run stores nothing and makes no snapshot", () => {
		const count = bench.summary("snapshots")["snapshots_count"];
		const { stdout } = bench.done(["snapshot", "-n", source]);
		expect(stdout).toMatch(/would hold/);
		expect(stdout).not.toMatch(/restore it/);
		expect(bench.summary("snapshots")["snapshots_count"]).toBe(count);
	});

	test("--skip-if-unchanged makes none where nothing changed", () => {
		bench.done(["snapshot", "-e", "*.log", source]);
		const { stdout } = bench.done([
			"snapshot",
			"--skip-if-unchanged",
			"-e",
			"*.log",
			source,
		]);
		expect(stdout).toMatch(/^no snapshot of .*source: nothing has changed$/m);
	});

	test("takes paths from lists, any bytes in them, and patterns from files", () => {
		bench.write("list", `# what to take\n${source}/a.txt\n`);
		bench.write("raw", `${source}/sub/\u001b[31mred\n.txt\0`);
		bench.write("patterns", "# leave out\n*.bin\n\n");
		const id = bench.summary([
			"snapshot",
			"--files-from",
			"list",
			"--files-from-raw",
			"raw",
		])["snapshot_id"];
		const paths = bench
			.messages(["ls", "-R", String(id)])
			.map((m) => m["path"]);
		expect(paths).toContain(`${source}/a.txt`);
		expect(paths).toContain(`${source}/sub/\u001b[31mred\n.txt`);
		expect(paths).not.toContain(`${source}/hard`);
		const other = bench.summary([
			"snapshot",
			"--exclude-file",
			"patterns",
			source,
		]);
		expect(
			bench.done(["find", "-s", String(other["snapshot_id"]), "b.bin"]).lines,
		).toEqual(["nothing found"]);
	});

	test("records host, time, tags, note and pin as it is told", () => {
		const words = [
			"--host",
			"elsewhere",
			"--time",
			"2025-06-01 12:00",
			"--tag",
			"a,b",
			"--tag",
			"c",
			"--note",
			"by hand",
			"--pin",
		];
		const id = bench.summary(["snapshot", ...words, source])["snapshot_id"];
		const shown = bench.messages(["show", String(id)])[1];
		expect(shown).toMatchObject({
			hostname: "elsewhere",
			time: "2025-06-01T12:00:00.000+02:00",
			tags: ["a", "b", "c"],
			note: "by hand",
			pinned: true,
		});
		const env = { VARVE_HOST: "variable" };
		const other = bench.summary(["snapshot", source], { env })["snapshot_id"];
		expect(bench.messages(["show", String(other)])[1]).toMatchObject({
			hostname: "variable",
		});
	});

	test("--log-file keeps each step", () => {
		bench.done(["snapshot", "--log-file", "log", source]);
		const log = readFileSync(bench.path("log"), "utf8");
		expect(log).toMatch(
			/^\d{4}-\d\d-\d\dT[\d:.]+\+0[12]:00 varve snapshot in /,
		);
		expect(log).toMatch(/snapshot begins: .*source$/m);
		expect(log).toMatch(/ends with exit code 0$/m);
	});
});

describe("looking", () => {
	test("snapshots lists them, the newest last, and narrows", () => {
		const { lines } = bench.done("snapshots --tag first");
		expect(lines).toHaveLength(3);
		expect(lines[0]).toMatch(/^id +time +host +tags +size +added +paths$/);
		expect(lines[1]).toContain(first.slice(0, 8));
		expect(lines[2]).toBe("1 snapshot");
		expect(bench.messages("list --latest 2")).toHaveLength(4);
		expect(bench.done("snapshots --host nobody").lines).toEqual([
			"no snapshots",
		]);
	});

	test("show tells the whole record", () => {
		const { stdout } = bench.done(["show", second]);
		expect(stdout).toContain(`snapshot  ${second}`);
		expect(stdout).toContain(`parent    ${first}`);
		expect(stdout).toMatch(/^left out +\*\.log$/m);
		expect(bench.done(["info", second]).stdout).toBe(stdout);
	});

	test("ls lists a snapshot, one directory, or all below it, and nothing that drives a terminal (T67)", () => {
		const whole = bench.done(["ls", "-R", first]).stdout;
		expect(whole).toContain("/source/sub/\\x1b[31mred\\n.txt\n");
		expect(whole).not.toContain("\u001b");
		const { lines } = bench.done(["ls", "-l", `${first}:${source}`]);
		expect(lines).toHaveLength(6);
		expect(lines.join("\n")).toMatch(
			/^-rw-r--r-- .* +4 2023-11-14 23:13:20 \+0100 .*\/a\.txt$/m,
		);
		expect(lines.join("\n")).toMatch(/^lrwxrwxrwx .*\/link -> a\.txt$/m);
		expect(lines.join("\n")).toMatch(/^drwxr-x--- .*\/sub$/m);
	});

	test("find names every place", () => {
		const { lines } = bench.done(["find", "-s", first, "*.LOG", "-i"]);
		expect(lines[0]).toMatch(new RegExp(`^snapshot ${first.slice(0, 8)} of `));
		expect(lines[1]).toBe(`  ${source}/log/x.log`);
		expect(bench.done(["find", "no-such-name"]).lines).toEqual([
			"nothing found",
		]);
	});

	test("history shows each version of a path, as it is named here", () => {
		const versions = bench.messages(["history", "a.txt"], { cwd: source });
		const since = (id: string) => versions.find((m) => m["first"] === id);
		expect(since(first)).toMatchObject({ node: { size: 4 } });
		expect(since(second)).toMatchObject({ node: { size: 8 } });
		expect(bench.done(["history", `${source}/a.txt`]).stdout).toMatch(
			/ 4 B +added$/m,
		);
	});

	test("cat prints bytes", () => {
		expect(bench.done(["cat", `${first}:${source}/a.txt`]).stdout).toBe(
			"one\n",
		);
		const { bytes } = bench.done(["cat", `${first}:sub/b.bin`]);
		expect(bytes.equals(Buffer.alloc(300_000, 7))).toBe(true);
	});

	test("dump makes archives that tar and unzip read", () => {
		const tar = bench.done(["dump", `${first}:${source}`]).bytes;
		const listed = spawnSync("tar", ["-t"], { input: tar }).stdout.toString();
		expect(listed.split("\n")).toContain("sub/b.bin");
		bench.done(["dump", first, "-a", "zip", "-t", "all.zip"]);
		expect(readFileSync(bench.path("all.zip")).subarray(0, 2).toString()).toBe(
			"PK",
		);
		const again = bench.varve(["dump", first, "-t", "all.zip"]);
		expect(again.code).toBe(1);
		expect(again.stderr).toMatch(/exists already: name a new file/);
	});

	test("checksums are those that sha256sum makes", () => {
		bench.done(["snapshot", source]);
		const sums = bench.done("checksums latest");
		const check = spawnSync("sha256sum", ["-c", "--quiet", "--strict"], {
			input: sums.bytes,
		});
		expect(check.stdout.toString() + check.stderr.toString()).toBe("");
		expect(check.status).toBe(0);
	});

	test("diff names what changed, and --exit-code ends with 5", () => {
		const { lines } = bench.done(["diff", first, second]);
		expect(lines[0]).toMatch(/^M {3}.*\/source\/a\.txt {2}\(content, mtime\)$/);
		expect(lines.join("\n")).toMatch(/^- {3}.*x\.log$/m);
		expect(bench.varve(["diff", "--exit-code", first, second]).code).toBe(5);
		expect(bench.varve(["diff", "--exit-code", first, first]).code).toBe(0);
	});

	test("status compares with the files as they are, and --exit-code ends with 5", () => {
		bench.done(["snapshot", source]);
		expect(bench.varve("status --exit-code").code).toBe(0);
		bench.write("source/new.txt", "new");
		const { code, lines } = bench.varve("status --exit-code");
		expect(code).toBe(5);
		expect(lines).toContain(`+   ${source}/new.txt`);
		bench.done(["snapshot", source]);
	});

	test("stats, config and cache tell sizes", () => {
		expect(bench.done("stats").stdout).toMatch(
			/^stored +.* chunks \([\d.]+ to 1\)$/m,
		);
		expect(bench.done("config").stdout).toMatch(
			/^repository +.*\/repository \(named by -r\)$/m,
		);
		expect(bench.done("cache").stdout).toMatch(
			/^kept .* in .*\.cache\/varve\//m,
		);
		expect(bench.done("cache --clear").stdout).toMatch(/^deleted /m);
		expect(bench.done("snapshots").stdout).toContain(second.slice(0, 8));
	});
});

describe("restoring and proving", () => {
	test("restore puts whole paths below the target, and a part of a snapshot directly into it", () => {
		const { stdout } = bench.done([
			"restore",
			first,
			"-t",
			"whole",
			"--verify",
		]);
		expect(stdout).toMatch(/^restored [0-9a-f]{8} into .*\/whole$/m);
		expect(stdout).toMatch(/read back and found equal: 5 files/);
		expect(readdirSync(bench.path("whole", source)).sort()).toEqual([
			"a.txt",
			"empty",
			"hard",
			"link",
			"log",
			"sub",
		]);
		bench.done(["restore", `${first}:${source}/sub`, "-t", "part"]);
		expect(readdirSync(bench.path("part"))).toHaveLength(2);
	});

	test("restore --include and --exclude choose, --dry-run writes nothing", () => {
		bench.done([
			"restore",
			first,
			"-t",
			"chosen",
			"-i",
			"*.txt",
			"-e",
			"a.txt",
		]);
		const files = readdirSync(bench.path("chosen", source), {
			recursive: true,
		});
		expect(files.sort()).toEqual(["sub", "sub/\u001b[31mred\n.txt"]);
		const { stdout } = bench.done(["restore", first, "-t", "dry", "-n"]);
		expect(stdout).toMatch(/^would restore/);
		expect(readdirSync(bench.folder)).not.toContain("dry");
	});

	test.each([
		"",
		" --read-data",
		" --scrub",
		" --read-data-subset 50%",
		" --read-data-subset 1/2",
		" --read-data-subset 1M",
	])("verify%s finds no damage and says what it did not look at", (flags) => {
		const { stdout } = bench.done(`verify${flags}`);
		expect(stdout).toMatch(/^no damage found in /);
		expect(stdout).toMatch(/^ {2}not checked: /m);
	});

	test("verify looks at the snapshots that are named", () => {
		expect(bench.summary(["check", first, "--read-data"])).toMatchObject({
			snapshots_count: 1,
			num_errors: 0,
		});
	});
});

describe("labels", () => {
	test("tag, pin and unpin change what snapshots shows", () => {
		bench.done(["tag", second, "--add", "x,y", "--note", "kept for a reason"]);
		bench.done(["pin", second]);
		expect(bench.done("snapshots --tag x,y").stdout).toContain("x y [pinned]");
		bench.done(["tag", "--tag", "x", "--remove", "x"]);
		bench.done(["unpin", second]);
		const shown = bench.messages(["show", second])[1];
		expect(shown).toMatchObject({
			tags: ["y"],
			pinned: false,
			note: "kept for a reason",
		});
		const again = bench.done(["tag", second, "--add", "y"]);
		expect(again.stdout).toMatch(/\(as before\)/);
	});
});

test("completion asks for ids, the newest first", () => {
	const { lines } = bench.done("__complete snapshots");
	expect(lines[0]).toMatch(
		/^[0-9a-f]{8}\t\d{4}-\d\d-\d\d \d\d:\d\d \S+ .*source/,
	);
	expect(lines.at(-1)).toContain("2025-06-01");
});
