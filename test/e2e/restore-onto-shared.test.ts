import { execFileSync, spawnSync } from "node:child_process";
import {
	closeSync,
	mkdirSync,
	openSync,
	readFileSync,
	rmdirSync,
	rmSync,
	statfsSync,
	statSync,
	truncateSync,
	utimesSync,
	writeFileSync,
	writeSync,
} from "node:fs";
import {
	afterAll,
	afterEach,
	describe,
	expect,
	type TestContext,
	test,
} from "vitest";
import { noise } from "../core/reading-workplace.ts";
import { isRoot, Workbench } from "./workbench.ts";

const bench = new Workbench();
afterAll(() => bench.remove());

const mib = 1024 * 1024;
const content = Buffer.from(noise(24 * mib));
const makers = {
	xfs: ["mkfs.xfs", "-q", "-m", "reflink=1"],
	btrfs: ["mkfs.btrfs", "-q"],
} as const;

let mounted: string | undefined;

/** A file system of its own, or the test is skipped and says why. */
function mount(kind: keyof typeof makers, { skip }: TestContext): string {
	if (!isRoot) skip("only root may mount a file system");
	const [maker, ...flags] = makers[kind];
	if (spawnSync("sh", ["-c", `command -v ${maker}`]).status !== 0)
		skip(`there is no ${maker} here`);
	const image = bench.path(`${kind}.img`);
	writeFileSync(image, "");
	truncateSync(image, 512 * mib);
	const made = spawnSync(maker, [...flags, image]);
	const at = bench.path(kind);
	mkdirSync(at);
	const done = spawnSync("mount", ["-t", kind, "-o", "loop", image, at]);
	if (made.status !== 0 || done.status !== 0)
		skip(`no ${kind} can be mounted here: ${made.stderr}${done.stderr}`);
	mounted = at;
	return at;
}

afterEach(() => {
	if (mounted !== undefined) execFileSync("umount", [mounted]);
	mounted = undefined;
});

/** Bytes in use, when all is written. */
function usedOn(path: string): number {
	execFileSync("sync", ["-f", path]);
	const { blocks, bfree, bsize } = statfsSync(path);
	return (blocks - bfree) * bsize;
}

describe("restore --in-place where files can share blocks", () => {
	for (const kind of ["xfs", "btrfs"] as const)
		test(`writes of a large file only what differs, beside the old one, and undo gives that back: ${kind}`, (context) => {
			const at = mount(kind, context);
			const file = `${at}/tree/large`;
			mkdirSync(`${at}/tree`);
			writeFileSync(file, content);
			rmSync(bench.repository, { recursive: true, force: true });
			// A directory that gives way to a file, and comes back: xfs changes the time of one that is exchanged.
			const was = `${at}/tree/was`;
			mkdirSync(was);
			utimesSync(was, 1_600_000_000, 1_600_000_000);
			bench.done("init");
			bench.done(["snapshot", `${at}/tree`]);
			rmdirSync(was);
			writeFileSync(was, "a file");
			const fd = openSync(file, "r+");
			writeSync(fd, "changed", 9 * mib);
			closeSync(fd);
			const altered = readFileSync(file);
			const { ino } = statSync(file);
			const used = usedOn(at);
			bench.done("restore latest --in-place --verify");
			expect(readFileSync(file).equals(content)).toBe(true);
			expect(statSync(was).mtimeMs).toBe(1_600_000_000_000);
			// Another file, and no second one of 24 MiB.
			expect(statSync(file).ino).not.toBe(ino);
			expect(usedOn(at) - used).toBeLessThan(6 * mib);
			bench.done(["undo", `${at}/tree`]);
			expect(readFileSync(file).equals(altered)).toBe(true);
			expect(statSync(file).ino).toBe(ino);
			expect(readFileSync(was, "utf8")).toBe("a file");
		});
});
