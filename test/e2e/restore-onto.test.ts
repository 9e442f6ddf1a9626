import { execFileSync, spawn, spawnSync } from "node:child_process";
import { once } from "node:events";
import {
	appendFileSync,
	chmodSync,
	existsSync,
	linkSync,
	mkdirSync,
	readdirSync,
	readFileSync,
	rmSync,
	statSync,
	symlinkSync,
	writeFileSync,
} from "node:fs";
import { fileURLToPath } from "node:url";
import {
	afterAll,
	afterEach,
	beforeEach,
	describe,
	expect,
	test,
} from "vitest";
import { isRoot, Workbench } from "./workbench.ts";

const bench = new Workbench();
afterAll(() => bench.remove());

const tree = bench.path("tree");
const before = bench.path("before");
const program = fileURLToPath(
	new URL("../../packages/cli/bin/varve.js", import.meta.url),
);
const has = (tool: string) =>
	spawnSync("sh", ["-c", `command -v ${tool}`]).status === 0;

/** What is different between the tree and what it was, by another program. */
function differences(): string {
	const words = ["-aHXn", "--delete", "--checksum", "--itemize-changes"];
	return execFileSync("rsync", [...words, `${before}/`, `${tree}/`]).toString();
}

/** Folders of journals beside the tree. */
function journals(): string[] {
	return readdirSync(bench.folder).filter((name) =>
		name.startsWith(".varve-restore-"),
	);
}

function fill(): void {
	for (const path of [tree, before])
		rmSync(path, { recursive: true, force: true });
	chmodSync(bench.folder, 0o755);
	for (const name of journals()) rmSync(bench.path(name), { recursive: true });
	for (let i = 0; i < 40; i++)
		bench.write(`tree/${i % 4}/file-${i}`, `file ${i}\n`.repeat(i + 1));
	bench.write("tree/notes.tmp", "left out");
	execFileSync("touch", ["-d", "2024-01-01", ...everything()]);
	execFileSync("cp", ["-a", tree, before]);
}

function everything(): string[] {
	const below = readdirSync(tree, { recursive: true, encoding: "utf8" });
	return [...below.map((name) => `${tree}/${name}`), tree];
}

beforeEach(() => {
	fill();
	rmSync(bench.repository, { recursive: true, force: true });
	bench.varve(["init"]);
	const { code } = bench.varve(["snapshot", "-e", "*.tmp", "-x", tree]);
	expect(code).toBe(0);
});

const inPlace = ["restore", "latest", "--in-place", "--delete"];

describe.skipIf(!has("rsync"))("restore --in-place", () => {
	test("gives back what was changed, added and removed; undo brings that back", () => {
		appendFileSync(`${tree}/1/file-1`, "more");
		rmSync(`${tree}/2`, { recursive: true });
		writeFileSync(`${tree}/3/new`, "new");
		const { code, stdout } = bench.varve(inPlace);
		expect(stdout).toContain("11 created, 1 updated");
		expect(code).toBe(0);
		expect(differences()).toBe("");
		expect(bench.varve(["status", "--exit-code", "--metadata"]).code).toBe(0);
		expect(bench.varve(["undo"]).code).toBe(0);
		expect(readFileSync(`${tree}/3/new`, "utf8")).toBe("new");
		expect(existsSync(`${tree}/2`)).toBe(false);
		expect(readFileSync(`${tree}/1/file-1`, "utf8")).toMatch(/more$/);
		expect(bench.varve(["undo"]).code).toBe(1);
	});

	test.skipIf(!has("strace"))(
		"writes only the files that differ: as many are made and renamed as were changed",
		() => {
			for (const i of [3, 17, 22])
				appendFileSync(`${tree}/${i % 4}/file-${i}`, "x");
			const log = bench.path("calls");
			const { status } = spawnSync(
				"strace",
				[
					...["-f", "-qq", "-o", log, "-e", "trace=openat,renameat2,rename"],
					...[process.execPath, program, ...inPlace, "--no-undo"],
					...["-r", bench.repository, "--cache-dir", bench.path("cache")],
				],
				{ env: { ...process.env, HOME: bench.home } },
			);
			expect(status).toBe(0);
			const calls = readFileSync(log, "utf8").split("\n");
			const exchanged = calls.filter((call) => /RENAME_EXCHANGE/.test(call));
			const made = calls.filter((call) =>
				/openat\(\d+, "\d+", .*O_CREAT/.test(call),
			);
			expect(exchanged).toHaveLength(3);
			expect(made).toHaveLength(3);
			expect(differences()).toBe("");
		},
	);

	test("T85: of several that take the same restore back at once, one does or none, and nothing is half done", async () => {
		appendFileSync(`${tree}/1/file-1`, "more");
		rmSync(`${tree}/2`, { recursive: true });
		execFileSync("cp", ["-a", tree, bench.path("altered")]);
		expect(bench.varve(inPlace).code).toBe(0);
		const words = [program, "undo", tree, "-r", bench.repository];
		const codes = await Promise.all(
			Array.from({ length: 4 }, async () => {
				const options = { env: { ...process.env, HOME: bench.home } };
				const child = spawn(process.execPath, words, options);
				return (await once(child, "close"))[0] as number;
			}),
		);
		const winners = codes.filter((code) => code === 0).length;
		expect(winners).toBeLessThanOrEqual(1);
		// Taken back by now (1), or in somebody's hands (11).
		for (const code of codes) expect([0, 1, 11]).toContain(code);
		if (winners === 0) expect(bench.varve(["undo", tree]).code).toBe(0);
		const paths = [`${bench.path("altered")}/`, `${tree}/`];
		const flags = ["-aHXn", "--delete", "--checksum", "--itemize-changes"];
		expect(execFileSync("rsync", [...flags, ...paths]).toString()).toBe("");
		expect(journals()).toEqual([]);
	});

	test("a target with something in it is refused, and the words say what allows it", () => {
		const { code, stderr } = bench.varve(["restore", "latest", "-t", tree]);
		expect(code).toBe(1);
		expect(stderr).toContain("is not empty");
		for (const flag of ["--overwrite", "--delete", "--in-place"])
			expect(stderr).toContain(flag);
	});

	test.each([
		["both --in-place and --target", ["latest", "--in-place", "-t", "x"]],
		["no snapshot", ["-t", "x"]],
		["a snapshot and --resume", ["latest", "--resume", "-t", "x"]],
		["both --resume and --abort", ["--resume", "--abort", "-t", "x"]],
		["nobody to ask", ["latest", "--in-place", "--on-conflict", "ask"]],
	])("%s is a wrong call", (_, words) => {
		appendFileSync(`${tree}/1/file-1`, "more");
		const { code, stderr } = bench.varve(["restore", ...words]);
		expect(stderr).not.toContain("    at ");
		expect(code).toBe(2);
	});

	test.skipIf(!has("setfattr") || !has("setfacl"))(
		"extended attributes and ACLs that were changed, added or removed come back, and go again with undo",
		() => {
			const set = (folder: string, name: string, value: string) =>
				execFileSync("setfattr", [
					"-n",
					name,
					"-v",
					value,
					`${folder}/1/file-1`,
				]);
			const at = (path: string) => `${tree}/${path}`;
			const show = () =>
				execFileSync("getfattr", [
					"--absolute-names",
					"-d",
					"-m-",
					at("1/file-1"),
					at("2"),
				]) +
				execFileSync("getfacl", ["-p", at("1/file-1"), at("2")]).toString();
			set(tree, "user.changed", "before");
			set(tree, "user.gone", "before");
			execFileSync("setfacl", ["-m", "u:1234:rw", at("1/file-1")]);
			const wanted = show();
			bench.done(["snapshot", "-e", "*.tmp", tree]);
			set(tree, "user.changed", "after");
			set(tree, "user.added", "after");
			execFileSync("setfattr", ["-x", "user.gone", at("1/file-1")]);
			execFileSync("setfacl", ["-b", at("1/file-1")]);
			execFileSync("setfacl", ["-m", "g:4321:r", at("2")]);
			const left = show();
			expect(bench.varve(inPlace).code).toBe(0);
			expect(show()).toBe(wanted);
			expect(bench.varve(["undo"]).code).toBe(0);
			expect(show()).toBe(left);
		},
	);

	test("a snapshot of another machine is restored in place only if that is said", () => {
		bench.varve(["snapshot", "--host", "elsewhere", tree]);
		appendFileSync(`${tree}/1/file-1`, "more");
		const { code, stderr } = bench.varve(inPlace);
		expect(stderr).toContain("--host elsewhere");
		expect(code).toBe(2);
		expect(bench.varve([...inPlace, "--host", "elsewhere"]).code).toBe(0);
		expect(differences()).toBe("");
	});

	test("a restore that was not finished is refused until it is finished or taken back", () => {
		mkdirSync(`${tree}/.varve-restore-00`, { mode: 0o700 });
		writeFileSync(`${tree}/.varve-restore-00/begun`, "{");
		const refused = bench.varve(inPlace);
		expect(refused.code).toBe(1);
		expect(refused.stderr).toContain("--abort");
		expect(bench.varve(["restore", "--abort", "-t", tree]).code).toBe(4);
		expect(bench.varve(["restore", "--resume", "-t", bench.home]).code).toBe(1);
	});

	test.skipIf(!has("strace"))(
		"T85: killed, it is found by the name of the tree, and that of a neighbour is another",
		() => {
			appendFileSync(`${tree}/1/file-1`, "more");
			const words = ["-f", "-qq", "-o", "/dev/null", "-e", "trace=renameat2"];
			const { signal } = spawnSync(
				"strace",
				[
					...[...words, "-e", "inject=renameat2:signal=SIGKILL:when=1"],
					...[process.execPath, program, ...inPlace, "--workers", "0"],
					...["-r", bench.repository, "--cache-dir", bench.path("cache")],
				],
				{ env: { ...process.env, HOME: bench.home } },
			);
			expect(signal).toBe("SIGKILL");
			expect(journals()).toHaveLength(1);
			expect(bench.varve(inPlace).stderr).toContain(`--abort -t ${tree}`);
			expect(bench.varve(["restore", "--abort", "-t", before]).code).toBe(1);
			expect(bench.varve(["restore", "--abort", "-t", tree]).code).toBe(0);
			expect(readFileSync(`${tree}/1/file-1`, "utf8")).toMatch(/more$/);
			expect(journals()).toEqual([]);
		},
	);

	test("with --verify everything is read back", () => {
		appendFileSync(`${tree}/1/file-1`, "more");
		const messages = bench.messages([...inPlace, "--verify"]);
		expect(messages.at(-1)).toMatchObject({
			outcome: "whole",
			files_verified: 40,
			entries_updated: 1,
		});
	});

	test("what was left out, a journal, a repository and its cache inside survive --delete", () => {
		writeFileSync(`${tree}/0/also.tmp`, "left out");
		writeFileSync(`${tree}/0/extra`, "extra");
		bench.run(["-r", `${tree}/other`, "init"]);
		expect(bench.varve(inPlace).code).toBe(0);
		expect(existsSync(`${tree}/0/extra`)).toBe(false);
		expect(bench.varve(inPlace).code).toBe(0);
		for (const path of ["0/also.tmp", "notes.tmp", "other/config"])
			expect(existsSync(`${tree}/${path}`), path).toBe(true);
	});

	test.skipIf(!isRoot)(
		"what is mounted inside survives --delete, and so does the directory around it",
		() => {
			mkdirSync(`${tree}/added/mounted`, { recursive: true });
			execFileSync("mount", ["-t", "tmpfs", "none", `${tree}/added/mounted`]);
			try {
				writeFileSync(`${tree}/added/mounted/precious`, "precious");
				writeFileSync(`${tree}/added/extra`, "extra");
				expect(bench.varve(inPlace).code).toBe(0);
				expect(readdirSync(`${tree}/added`)).toEqual(["mounted"]);
				expect(existsSync(`${tree}/added/mounted/precious`)).toBe(true);
			} finally {
				execFileSync("umount", [`${tree}/added/mounted`]);
			}
		},
	);

	test("--include leaves alone what stands in the place of a directory in which nothing is named", () => {
		rmSync(`${tree}/1`, { recursive: true });
		writeFileSync(`${tree}/1`, "my notes");
		rmSync(`${tree}/2/file-2`);
		const words = ["restore", "latest", "--in-place", "-i", "file-2"];
		const { code, stdout } = bench.varve(words);
		expect(stdout).toContain("1 created");
		expect(stdout).not.toContain("replaced");
		expect(code).toBe(0);
		expect(readFileSync(`${tree}/1`, "utf8")).toBe("my notes");
		expect(existsSync(`${tree}/2/file-2`)).toBe(true);
		expect(bench.varve([...words, "-i", "file-5"]).code).toBe(0);
		expect(readdirSync(`${tree}/1`)).toEqual(["file-5"]);
	});

	test("T84: a root that has become a symlink is not followed, but told, exit 6", () => {
		const victim = bench.path("victim");
		mkdirSync(victim, { recursive: true });
		bench.write("tree2/f", "f");
		bench.done(["snapshot", tree, bench.path("tree2")]);
		rmSync(`${tree}/1/file-1`);
		rmSync(bench.path("tree2"), { recursive: true });
		symlinkSync(victim, bench.path("tree2"));
		const words = ["restore", "latest", "--in-place"];
		const { code, stderr } = bench.varve(words);
		expect(stderr).toContain("a symlink stands where a directory was");
		expect(code).toBe(6);
		expect(readdirSync(victim)).toEqual([]);
		expect(existsSync(`${tree}/1/file-1`)).toBe(true);
		expect(bench.varve([...words, "--on-conflict", "overwrite"]).code).toBe(0);
		expect(readdirSync(victim)).toEqual([]);
		expect(readFileSync(bench.path("tree2/f"), "utf8")).toBe("f");
		rmSync(bench.path("tree2"), { recursive: true });
	});

	describe("a repository", () => {
		const list = (folder: string) =>
			execFileSync("find", [
				folder,
				"-path",
				"*/leases",
				"-prune",
				"-o",
				"-type",
				"f",
				"-print",
			])
				.toString()
				.split("\n")
				.sort();

		test.each([
			["the one being read", "", ["--delete", "--no-undo"]],
			["what lies in it", "/packs", ["--delete"]],
			["something new in it", "/newdir", []],
			["something new in it, deleting", "/newdir", ["--delete"]],
		])("%s is refused as a target, exit 2", (_, below, words) => {
			const held = list(bench.repository);
			const target = bench.repository + below;
			const { code, stderr } = bench.varve([
				...["restore", `latest:${tree}`, "-t", target, ...words],
			]);
			expect(stderr).toContain("is a repository");
			expect(code).toBe(2);
			expect(list(bench.repository)).toEqual(held);
		});

		test("another one, and a damaged one, is refused as a target", () => {
			const other = bench.path("other");
			rmSync(other, { recursive: true, force: true });
			bench.run(["-r", other, "init"]);
			rmSync(`${other}/config`);
			const held = list(other);
			const words = ["--overwrite", "always", "--delete"];
			const { code } = bench.varve([
				"restore",
				"latest",
				"-t",
				other,
				...words,
			]);
			expect(code).toBe(2);
			expect(list(other)).toEqual(held);
		});

		test.each([["nothing lost"], ["config"]])(
			"that stands now in a directory of the snapshot is left alone and told, exit 6 (lost of it: %s)",
			(lost) => {
				rmSync(`${tree}/2`, { recursive: true });
				execFileSync("cp", ["-a", bench.repository, `${tree}/2`]);
				if (lost === "config") rmSync(`${tree}/2/config`);
				const held = list(`${tree}/2`);
				writeFileSync(`${tree}/3/new`, "new");
				const { code, stderr } = bench.varve([...inPlace, "--no-undo"]);
				expect(stderr).toContain("a repository is there");
				expect(code).toBe(6);
				expect(list(`${tree}/2`)).toEqual(held);
				expect(existsSync(`${tree}/3/new`)).toBe(false);
			},
		);
	});

	describe.skipIf(!isRoot)("what is mounted from the same file system", () => {
		const source = bench.path("source");
		const points: string[] = [];
		const bind = (from: string, to: string) => {
			execFileSync("mount", ["--bind", from, to]);
			points.push(to);
		};
		const precious = () => readFileSync(`${source}/precious`, "utf8");

		beforeEach(() => {
			mkdirSync(source, { recursive: true });
			writeFileSync(`${source}/precious`, "precious");
		});
		afterEach(() => {
			for (const at of points.splice(0)) spawnSync("umount", [at]);
		});

		test.each([[[]], [["--no-undo"]]])(
			"survives --delete %s in a directory the snapshot has not",
			(words) => {
				mkdirSync(`${tree}/added/deep/mounted`, { recursive: true });
				writeFileSync(`${tree}/added/file`, "");
				writeFileSync(`${tree}/added/extra`, "extra");
				bind(source, `${tree}/added/deep/mounted`);
				bind(`${source}/precious`, `${tree}/added/file`);
				expect(bench.varve([...inPlace, ...words]).code).toBe(0);
				expect(readdirSync(`${tree}/added`)).toEqual(["deep", "file"]);
				expect(precious()).toBe("precious");
				expect(existsSync(`${tree}/added/deep/mounted/precious`)).toBe(true);
			},
		);

		test("survives --delete on a directory the snapshot has", () => {
			mkdirSync(`${tree}/0/point`);
			bench.done(["snapshot", "-e", "*.tmp", "-x", tree]);
			bind(source, `${tree}/0/point`);
			expect(bench.varve(inPlace).stderr).toBe("");
			expect(precious()).toBe("precious");
		});

		test("keeps a directory from giving way to a file, exit 6", () => {
			rmSync(`${tree}/1/file-1`);
			mkdirSync(`${tree}/1/file-1/mounted`, { recursive: true });
			bind(source, `${tree}/1/file-1/mounted`);
			expect(bench.varve([...inPlace, "--no-undo"]).code).toBe(6);
			expect(existsSync(`${tree}/1/file-1/mounted/precious`)).toBe(true);
			expect(precious()).toBe("precious");
		});

		test("is left by undo --forget, which says so, in what a restore has kept", () => {
			mkdirSync(`${tree}/added/mounted`, { recursive: true });
			expect(bench.varve(inPlace).code).toBe(0);
			const [folder] = journals();
			const slots = `${bench.path(folder as string)}/slots`;
			const [slot] = readdirSync(slots);
			bind(source, `${slots}/${slot}/mounted`);
			const { code, stderr } = bench.varve(["undo", "--forget", tree]);
			expect(code).not.toBe(0);
			expect(stderr).toContain("mounted");
			expect(stderr).not.toContain("    at ");
			expect(precious()).toBe("precious");
		});
	});

	test.skipIf(!isRoot)(
		"a directory that cannot be read survives, and so does what could not be read when the snapshot was taken",
		() => {
			mkdirSync(`${tree}/dark`);
			writeFileSync(`${tree}/dark/secret`, "secret");
			execFileSync("chown", ["-R", "65534:65534", tree, bench.repository]);
			execFileSync("chmod", ["-R", "a+rwX", bench.folder]);
			execFileSync("chown", ["0:0", `${tree}/dark`]);
			execFileSync("chmod", ["700", `${tree}/dark`]);
			const nobody = { asNobody: true };
			const taken = bench.varve(["snapshot", tree], nobody);
			expect(taken.code).toBe(3);
			mkdirSync(`${tree}/darker`, { mode: 0o700 });
			writeFileSync(`${tree}/darker/too`, "too");
			writeFileSync(`${tree}/0/extra`, "extra");
			execFileSync("chmod", ["a+rwx", `${tree}/0`]);
			bench.varve(inPlace, nobody);
			expect(readFileSync(`${tree}/dark/secret`, "utf8")).toBe("secret");
			expect(readFileSync(`${tree}/darker/too`, "utf8")).toBe("too");
			expect(existsSync(`${tree}/0/extra`)).toBe(false);
		},
	);

	test.skipIf(!isRoot || !has("chattr"))(
		"T84: an immutable file is told, exit 6, and the rest is restored",
		() => {
			appendFileSync(`${tree}/1/file-1`, "more");
			appendFileSync(`${tree}/2/file-2`, "more");
			if (spawnSync("chattr", ["+i", `${tree}/1/file-1`]).status !== 0) return;
			try {
				const words = [...inPlace, "--verify"];
				const { code, stdout, stderr } = bench.varve(words);
				// Once, and not a second time when all is read back.
				expect(stderr.match(/file-1/g)).toHaveLength(1);
				expect(stderr).toContain("EPERM");
				expect(stdout).toContain("1 updated, 1 failed, ");
				expect(code).toBe(6);
				expect(readFileSync(`${tree}/1/file-1`, "utf8")).toMatch(/more$/);
				expect(readFileSync(`${tree}/2/file-2`, "utf8")).not.toMatch(/more$/);
			} finally {
				spawnSync("chattr", ["-i", `${tree}/1/file-1`]);
			}
		},
	);

	test("T84: a file that is linked elsewhere is replaced, never written through", () => {
		appendFileSync(`${tree}/1/file-1`, "more");
		linkSync(`${tree}/1/file-1`, bench.path("elsewhere"));
		expect(bench.varve(inPlace).code).toBe(0);
		expect(differences()).toBe("");
		expect(readFileSync(bench.path("elsewhere"), "utf8")).toMatch(/more$/);
		expect(statSync(bench.path("elsewhere")).nlink).toBe(2);
		bench.varve(["undo", "--forget", tree]);
		expect(statSync(bench.path("elsewhere")).nlink).toBe(1);
	});

	test("a root that is gone comes back where it was", () => {
		rmSync(tree, { recursive: true });
		expect(bench.varve(inPlace).code).toBe(0);
		// What was left out of the snapshot is not in it.
		rmSync(`${before}/notes.tmp`);
		execFileSync("touch", ["-d", "2024-01-01", before]);
		expect(differences()).toBe("");
	});
});
