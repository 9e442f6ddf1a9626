import { spawn, spawnSync } from "node:child_process";
import { createHash } from "node:crypto";
import { once } from "node:events";
import {
	chmodSync,
	chownSync,
	mkdirSync,
	readdirSync,
	readFileSync,
	renameSync,
	rmSync,
	writeFileSync,
} from "node:fs";
import { join } from "node:path";
import { type Config, canonicalJson, encodeConfig } from "@varve/format";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { filesIn, isRoot, type Outcome, Workbench } from "./workbench.ts";

const bench = new Workbench();
const source = bench.path("source");
let id = "";

beforeAll(() => {
	bench.done("init");
	bench.write("source/a.txt", "one\n");
	bench.write("source/sub/b.bin", new Uint8Array(300_000).fill(7));
	id = String(bench.summary(["snapshot", source])["snapshot_id"]);
});
afterAll(() => bench.remove());

/** The code, and a sentence for people without a stack. */
function expectFailure(outcome: Outcome, code: number, sentence: RegExp): void {
	expect(outcome.stderr).toMatch(sentence);
	expect(outcome.stderr).not.toMatch(/^\s+at /m);
	expect(outcome.code).toBe(code);
}

const sha256 = (bytes: Uint8Array) =>
	createHash("sha256").update(bytes).digest("hex");

/** A copy of the repository, to be spoiled. */
function copyOf(name: string): string {
	const copy = bench.path(name);
	spawnSync("cp", ["-a", bench.repository, copy]);
	return copy;
}

/** As a user who is not allowed everything: a test may run as root, whom nothing stops. */
function withoutRights(path: string, args: readonly string[]): Outcome {
	chmodSync(bench.folder, 0o755);
	const options = { asNobody: isRoot, env: { HOME: "/nonexistent" } };
	if (!isRoot) spawnSync("chmod", ["-R", "a-w", path]);
	else spawnSync("chmod", ["-R", "a+rX,go-w", path]);
	return bench.run(["-r", path, "--no-cache", ...args], options);
}

describe("bad input ends with a clear sentence and its code", () => {
	test("a working directory that is deleted: 2, in JSON too", () => {
		const gone = bench.path("gone");
		for (const json of ["", "--json"]) {
			mkdirSync(gone);
			const script = 'rmdir "$PWD"; exec "$@"';
			const line = bench.command([...(json ? [json] : []), "snapshots"]);
			const { status, stdout, stderr } = spawnSync(
				"sh",
				["-c", script, "sh", process.execPath, ...line],
				{ cwd: gone, encoding: "utf8" },
			);
			const sentence = /the working directory cannot be told/;
			expect(json ? stdout : stderr).toMatch(sentence);
			expect(stderr).not.toMatch(/^\s+at /m);
			expect(status).toBe(2);
		}
	});

	test("no such path: 2, and no repository is made for it", () => {
		const outcome = bench.run(["snapshot", bench.path("nowhere")]);
		expectFailure(outcome, 2, /^varve: there is nothing at .*\/nowhere$/m);
		expect(readdirSync(bench.home)).not.toContain(".local");
	});

	test("one of several paths is not there: 3, and the others are kept", () => {
		const outcome = bench.varve(["snapshot", source, bench.path("nowhere")]);
		expectFailure(outcome, 3, /^error: .*\/nowhere: /m);
		expect(outcome.stdout).toMatch(/not whole: 1 entry/);
		expect(bench.done("snapshots --latest 1").stdout).toContain("[not whole]");
	});

	test("a file as repository: 10", () => {
		const file = bench.write("file", "text");
		const outcome = bench.run(["-r", file, "snapshots"]);
		expectFailure(outcome, 10, /^varve: .*\/file is not a directory$/m);
		expect(bench.run(["-r", file, "snapshot", source]).code).toBe(10);
	});

	test("a directory that is no repository: 10, and nothing is written into it", () => {
		bench.write("other/file", "text");
		const outcome = bench.run(["-r", "other", "snapshot", source]);
		expectFailure(outcome, 10, /^varve: there is no repository at .*\/other/m);
		expect(outcome.stderr).toMatch(/^hint: .*varve init/m);
		expect(readdirSync(bench.path("other"))).toEqual(["file"]);
	});

	test("a place for a repository that is taken: 1", () => {
		const outcome = bench.run(["init", "other"]);
		expectFailure(outcome, 1, /^varve: .*\/other is not empty/m);
		expectFailure(bench.varve("init"), 1, /not empty|exists/);
	});

	test("a newer format: 14, and it is named", () => {
		const newer = copyOf("newer");
		const config = JSON.parse(readFileSync(join(newer, "config"), "utf8"));
		const { check: _, ...rest } = { ...config, format: 2 };
		const check = sha256(Buffer.from(canonicalJson(rest)));
		chmodSync(join(newer, "config"), 0o600);
		writeFileSync(join(newer, "config"), canonicalJson({ ...rest, check }));
		for (const args of [["snapshots"], ["snapshot", source]])
			expectFailure(
				bench.run(["-r", newer, ...args]),
				14,
				/^varve: the repository .*format.2/m,
			);
	});

	test("a feature that is not known: 14, and it is named", () => {
		const newer = copyOf("feature");
		const config: Config = JSON.parse(
			readFileSync(join(newer, "config"), "utf8"),
		);
		const bytes = encodeConfig({ ...config, features: ["teleport"] }, sha256);
		chmodSync(join(newer, "config"), 0o600);
		writeFileSync(join(newer, "config"), bytes);
		const outcome = bench.run(["-r", newer, "snapshots"]);
		expectFailure(outcome, 14, /teleport/);
		expect(outcome.stderr).toMatch(/^hint: use a newer version/m);
	});

	test("an unknown snapshot: 1", () => {
		for (const args of [
			["show", "0000"],
			["restore", "0000", "-t", "x"],
		])
			expectFailure(
				bench.varve(args),
				1,
				/^varve: there is no snapshot 0000$/m,
			);
		expectFailure(bench.varve("show tag:none"), 1, /no snapshot tag:none/);
		expectFailure(bench.varve("ls latest:/none"), 1, /holds no \/none/);
	});

	test("an ambiguous prefix: 2, and the candidates", () => {
		const twin = copyOf("twin");
		const record = JSON.parse(
			readFileSync(join(twin, "snapshots", id), "utf8"),
		);
		const other = twinOf(record, id.slice(0, 4));
		writeFileSync(join(twin, "snapshots", sha256(other)), other);
		const outcome = bench.run(["-r", twin, "show", id.slice(0, 4)]);
		expectFailure(outcome, 2, /^varve: \w{4} could be \w{12} .* or \w{12} /m);
		expect(outcome.stderr).toContain(id.slice(0, 12));
		expect(bench.run(["-r", twin, "show", id]).code).toBe(0);
	});

	test("what names no snapshot: 2", () => {
		expectFailure(bench.varve("show -- -x"), 2, /names no snapshot/);
		expectFailure(
			bench.varve("show latest:/a"),
			2,
			/a whole snapshot is meant/,
		);
		expectFailure(bench.varve("cat latest"), 2, /name a file in it/);
		expectFailure(bench.varve(`cat latest:${source}`), 2, /is no file/);
	});

	test("a target that is not empty: 1, and nothing is touched", () => {
		bench.write("full/file", "text");
		const outcome = bench.varve("restore latest -t full");
		expectFailure(outcome, 1, /^varve: the target .*\/full is not empty/m);
		expect(readFileSync(bench.path("full/file"), "utf8")).toBe("text");
		expectFailure(
			bench.varve("restore latest -t full/file"),
			1,
			/not a directory/,
		);
	});

	test("a repository that cannot be written to: 15, and it can be read", () => {
		const closed = copyOf("closed");
		const before = filesIn(closed);
		const outcome = withoutRights(closed, ["snapshot", source]);
		expectFailure(outcome, 15, /^varve: .*(EACCES|EPERM|EROFS)/m);
		expect(outcome.stderr).toMatch(/^hint: check owner and permissions/m);
		expect(filesIn(closed)).toEqual(before);
		expect(withoutRights(closed, ["snapshots"]).code).toBe(0);
		const verified = withoutRights(closed, ["verify", "--read-data"]);
		expect(verified.stderr).toMatch(/^warning: .*without a lease/m);
		expect(verified.code).toBe(0);
		spawnSync("chmod", ["-R", "u+w", closed]);
	});

	test("a repository that cannot be read: 15", () => {
		const secret = copyOf("secret");
		chmodSync(join(secret, "config"), 0);
		const options = { asNobody: isRoot, env: { HOME: "/nonexistent" } };
		const outcome = bench.run(
			["-r", secret, "--no-cache", "snapshots"],
			options,
		);
		expectFailure(outcome, 15, /^varve: .*EACCES/m);
	});

	test("a wrong option: 2", () => {
		expectFailure(bench.varve("snapshot --nope"), 2, /unknown option '--nope'/);
	});
});

/** Another record whose id begins the same. */
function twinOf(record: Record<string, unknown>, prefix: string): Buffer {
	const text = canonicalJson({ ...record, note: "twin @" } as never);
	for (let i = 0; ; i++) {
		const bytes = Buffer.from(text.replace("twin @", `twin ${i}`));
		if (sha256(bytes).startsWith(prefix)) return bytes;
	}
}

describe("a disk that is full", () => {
	const mount = bench.path("small");
	mkdirSync(mount);
	const mounted =
		isRoot &&
		spawnSync("mount", ["-t", "tmpfs", "-o", "size=6m", "tmpfs", mount])
			.status === 0;
	afterAll(() => {
		if (mounted) spawnSync("umount", [mount]);
	});

	test.skipIf(!mounted)(
		"ends a snapshot with 13, leaves nothing behind, and earlier ones stand (T12)",
		() => {
			const repository = join(mount, "repository");
			expect(bench.run(["init", repository]).code).toBe(0);
			expect(bench.run(["-r", repository, "snapshot", source]).code).toBe(0);
			const before = filesIn(repository);
			const noise = createHash("shake256", { outputLength: 12_000_000 });
			bench.write("large/noise", noise.update("seed").digest());
			const outcome = bench.run(["-r", repository, "snapshot", "large"]);
			expectFailure(outcome, 13, /^varve: .*(no space|bytes left)/m);
			expect(outcome.stderr).toMatch(/^hint: .*free some space/m);
			expect([...filesIn(repository).keys()].sort()).toEqual(
				[...before.keys()].sort(),
			);
			const verified = bench.run(["-r", repository, "verify", "--read-data"]);
			expect(verified.code).toBe(0);
		},
	);

	test.skipIf(!mounted)("ends a restore and a dump with 13", () => {
		bench.done(["snapshot", "large"]);
		const restored = bench.varve(["restore", "latest", "-t", join(mount, "t")]);
		expectFailure(restored, 13, /too little room|no space/);
		const dumped = bench.varve(["dump", "latest", "-t", join(mount, "x.tar")]);
		expectFailure(dumped, 13, /cannot write .*x\.tar/);
		expect(readdirSync(mount)).not.toContain("x.tar");
	});

	test.skipIf(process.platform !== "linux")(
		"is said where standard output is there",
		() => {
			const { status, stderr } = spawnSync("sh", [
				"-c",
				`exec "$0" "$@" > /dev/full`,
				process.execPath,
				...bench.command(["-r", bench.repository, "ls", "-R", "latest"]),
			]);
			expect(status).toBe(1);
			expect(stderr.toString()).toMatch(/^varve: ENOSPC/m);
		},
	);
});

describe("what cannot be whole", () => {
	test("an entry that cannot be read: 3, and it is named here and in the record (T65)", () => {
		bench.write("partly/good", "good");
		const secret = bench.write("partly/secret", "secret");
		chmodSync(secret, 0);
		const repository = bench.path("open");
		mkdirSync(repository);
		if (isRoot) chownSync(repository, 65534, 65534);
		const options = { asNobody: isRoot, env: { HOME: "/nonexistent" } };
		const run = (...args: string[]) =>
			bench.run(["-r", repository, "--no-cache", ...args], options);
		expect(run("init").code).toBe(0);
		const outcome = run("snapshot", "partly");
		expectFailure(outcome, 3, /^error: .*\/partly\/secret: .*EACCES/m);
		expect(run("show", "latest").stdout).toMatch(
			/^not read +.*\/secret \(EACCES\)$/m,
		);
		expect(run("cat", "latest:good").stdout).toBe("good");
		const open = bench.path("open-to-all");
		mkdirSync(open);
		chmodSync(open, 0o777);
		const target = join(open, "restored");
		const restored = run("--json", "restore", "latest", "-t", target);
		expect(restored.code).toBe(0);
		expect(JSON.parse(restored.lines.at(-1) as string)["notes"]).toContain(
			"the snapshot lacks 1 entry that could not be read when it was taken: varve show names it",
		);
	});

	test("a file that is written all the while: 3, and it is named here and in the record (T61)", async () => {
		const log = bench.write("busy/log", Buffer.alloc(150_000, "line\n"));
		bench.write("busy/still", "still");
		const writer = spawn(process.execPath, [
			"-e",
			`const fs = require("node:fs"); const at = process.argv[1]; fs.appendFileSync(at, "x");
			process.stdout.write("writing"); setInterval(() => fs.appendFileSync(at, "x"), 1)`,
			log,
		]);
		const ended = once(writer, "exit");
		await once(writer.stdout, "data");
		const repository = bench.path("logs");
		const run = (...args: string[]) =>
			bench.run(["-r", repository, "--no-cache", ...args]);
		run("init");
		// Slow enough that the file grows within each of the three attempts.
		const outcome = run("snapshot", "--limit-read", "100k", bench.path("busy"));
		writer.kill();
		await ended;
		expectFailure(outcome, 3, /^error: .*\/busy\/log.*changed while/m);
		expect(run("show", "latest").stdout).toMatch(
			/^not read +.*\/log \(CHANGED\)$/m,
		);
		expect(run("cat", "latest:still").stdout).toBe("still");
		expect(run("cat", "latest:log").stdout).toMatch(/^(line\n){29999}/);
	});

	test("damage: verify ends with 4 and names file and snapshot; what was asked for and is damaged ends with 4", () => {
		const bad = copyOf("bad");
		const packs = [...filesIn(join(bad, "packs")).entries()];
		const largest = packs.sort((a, b) => b[1] - a[1])[0]?.[0] ?? "";
		const bytes = readFileSync(largest);
		for (let at = 60; at < bytes.length - 400; at += 40)
			bytes[at] = (bytes[at] ?? 0) ^ 1;
		chmodSync(largest, 0o600);
		writeFileSync(largest, bytes);
		for (const flags of [["--read-data"], ["--scrub"]]) {
			const outcome = bench.run(["-r", bad, "verify", ...flags]);
			expectFailure(outcome, 4, /^damaged: /m);
			expect(outcome.stdout).toMatch(/^\d+ findings?; snapshots hurt: /m);
		}
		const { stdout } = bench.run(["-r", bad, "--json", "verify", "--scrub"]);
		const [, hurt = ""] = /"snapshots":\["(\w{64})"/.exec(stdout) ?? [];
		const target = bench.path("from-bad");
		const restored = bench.run(["-r", bad, "restore", hurt, "-t", target]);
		expect(restored.code).toBe(4);
		expect(restored.stderr).toMatch(/^(error|varve): /m);
	});

	test("nothing matches what is to be restored: 6", () => {
		const outcome = bench.varve("restore latest -t none -i no-such-name");
		expect(outcome.code).toBe(6);
		expect(outcome.stdout).toMatch(/nothing matched/);
	});

	test("a command whose output is to be kept fails: 1, and no snapshot", () => {
		const count = bench.summary("snapshots")["snapshots_count"];
		const words = ["snapshot", "--stdin-from-command", "--", "sh", "-c"];
		const failing = bench.varve([...words, "echo part; exit 3"]);
		expectFailure(failing, 1, /^varve: the command sh failed with 3/m);
		const killed = bench.varve([...words, "echo part; kill -9 $$"]);
		expectFailure(killed, 1, /was ended by SIGKILL/);
		const missing = bench.varve([...words.slice(0, 3), "no-such-program"]);
		expectFailure(missing, 1, /cannot run no-such-program/);
		expect(bench.summary("snapshots")["snapshots_count"]).toBe(count);
	});
});

/** A snapshot that waits for its standard input, once it works in the repository. */
async function waiting() {
	const child = bench.start(["-r", bench.repository, "snapshot", "--stdin"]);
	let stderr = "";
	child.stderr?.on("data", (chunk) => {
		stderr += chunk;
	});
	const ended = once(child, "close");
	child.stdin?.on("error", () => undefined);
	child.stdin?.write(Buffer.alloc(1_000_000, 1));
	const stages = bench.path("repository", "tmp");
	while (!readdirSync(stages).some((name) => /^[0-9a-f]{32}$/.test(name)))
		await new Promise((resolve) => setTimeout(resolve, 10));
	return {
		child,
		stages,
		async end() {
			const [code] = await ended;
			return { code, stderr };
		},
	};
}

describe("a run that is stopped", () => {
	test.each([
		["SIGINT", 130],
		["SIGTERM", 143],
	] as const)(
		"by %s ends with %d, no snapshot and nothing left behind (T06)",
		async (signal, code) => {
			const count = bench.summary("snapshots")["snapshots_count"];
			const { child, stages, end } = await waiting();
			child.kill(signal);
			const outcome = await end();
			expect(outcome.stderr).toMatch(
				new RegExp(`^varve: interrupted by ${signal}$`, "m"),
			);
			expect(outcome.code).toBe(code);
			expect(readdirSync(stages)).toEqual([]);
			expect(readdirSync(bench.path("repository", "leases"))).toEqual([]);
			expect(bench.summary("snapshots")["snapshots_count"]).toBe(count);
		},
	);

	test("because its lease was declared dead ends with 11 and no snapshot (T20)", async () => {
		const count = bench.summary("snapshots")["snapshots_count"];
		const { child, stages, end } = await waiting();
		for (const name of readdirSync(stages))
			renameSync(join(stages, name), bench.path(`fenced-${name}`));
		child.stdin?.end();
		const outcome = await end();
		expect(outcome.code).toBe(11);
		expect(outcome.stderr).toMatch(/^hint: run it again/m);
		expect(bench.summary("snapshots")["snapshots_count"]).toBe(count);
		for (const name of readdirSync(bench.path("repository", "leases")))
			rmSync(bench.path("repository", "leases", name));
	});
});
