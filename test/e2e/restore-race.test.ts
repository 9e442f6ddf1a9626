import { type ChildProcess, spawn, spawnSync } from "node:child_process";
import { lstatSync, mkdirSync, readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, test } from "vitest";
import { isRoot, Workbench } from "./workbench.ts";

const nobody = 65534;

let bench: Workbench;
let racer: ChildProcess | undefined;
beforeEach(() => {
	bench = new Workbench();
});
afterEach(() => {
	racer?.kill("SIGKILL");
	bench.remove();
});

/** Exchanges directories, the lower ones too, for links to elsewhere and back, as fast as it can. */
const program = `
const fs = require("node:fs"), path = require("node:path");
const [target, outside] = process.argv.slice(1);
const attempt = (f) => { try { f(); } catch {} };
const swap = (folder, to) => {
	let names = [];
	attempt(() => { names = fs.readdirSync(folder); });
	for (const name of names) {
		if (name.startsWith(".swap")) continue;
		const [at, away] = [path.join(folder, name), path.join(folder, ".swap" + name)];
		attempt(() => {
			if (!fs.lstatSync(at).isDirectory()) return;
			fs.renameSync(at, away);
			attempt(() => fs.symlinkSync(to, at));
			attempt(() => fs.unlinkSync(at));
			fs.renameSync(away, at);
		});
	}
	return names;
};
process.stdout.write("racing");
for (;;)
	for (const name of swap(target, outside))
		swap(path.join(target, name), path.join(outside, "s"));
`;

/** All that lstat says of what is in a folder but when it was read, and content. */
function stateOf(folder: string): unknown[] {
	const names = ["", ...readdirSync(folder, { recursive: true })].map(String);
	return names.sort().map((name) => {
		const path = join(folder, name);
		const { ino, mode, nlink, uid, gid, size, mtimeNs, ctimeNs } = lstatSync(
			path,
			{ bigint: true },
		);
		const content = lstatSync(path).isFile() ? readFileSync(path, "utf8") : "";
		return {
			name,
			ino,
			mode,
			nlink,
			uid,
			gid,
			size,
			mtimeNs,
			ctimeNs,
			content,
		};
	});
}

function giveAway(...paths: string[]): void {
	spawnSync("chown", ["-R", `${nobody}:${nobody}`, ...paths]);
}

function makeTrees(asNobody: boolean) {
	for (let d = 0; d < 12; d++)
		for (let f = 0; f < 12; f++) {
			bench.write(`source/d${d}/f${f}`, `${d} ${f}`);
			bench.write(`source/d${d}/s/f${f}`, `${d} s ${f}`);
		}
	bench.write("outside/f0", "theirs");
	bench.write("outside/s/f0", "theirs too");
	const [source, outside] = [bench.path("source"), bench.path("outside")];
	bench.done("init");
	bench.done(["snapshot", source]);
	const parent = bench.path("parent");
	mkdirSync(parent);
	// The user's own, so that it could be written there if a link were followed.
	if (asNobody) giveAway(outside, parent, bench.repository, bench.home);
	return { source, outside, parent };
}

async function race(asNobody: boolean): Promise<void> {
	const { source, outside, parent } = makeTrees(asNobody);
	const before = stateOf(outside);
	for (let round = 0; round < 3; round++) {
		const target = join(parent, `target${round}`);
		racer = spawn(process.execPath, ["-e", program, target, outside], {
			...(asNobody ? { uid: nobody, gid: nobody } : {}),
			stdio: ["ignore", "pipe", "inherit"],
		});
		const { stdout } = racer;
		await new Promise((resolve) => stdout?.once("data", resolve));
		const args = ["restore", `latest:${source}`, "-t", target, "--json"];
		const { code, stderr } = bench.varve(args, { asNobody });
		racer.kill("SIGKILL");
		expect([0, 6], stderr).toContain(code);
		expect(stateOf(outside)).toEqual(before);
	}
	expect(readdirSync(parent).sort()).toEqual(["target0", "target1", "target2"]);
}

describe("T80 a process that swaps directories of the target for links to elsewhere", () => {
	test("makes nothing be written there", () => race(false), 120_000);

	test.runIf(isRoot)(
		"makes a restore of an ordinary user write nothing there",
		() => race(true),
		120_000,
	);
});
