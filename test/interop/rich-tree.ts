import { spawnSync } from "node:child_process";
import { createHash } from "node:crypto";
import {
	chmodSync,
	chownSync,
	closeSync,
	ftruncateSync,
	linkSync,
	mkdirSync,
	openSync,
	rmSync,
	symlinkSync,
	unlinkSync,
	writeFileSync,
	writeSync,
} from "node:fs";
import { join } from "node:path";
import { isRoot } from "../e2e/workbench.ts";

const MiB = 2 ** 20;

/** Incompressible bytes, the same for the same seed. */
function noise(seed: string, length: number): Buffer {
	return createHash("shake256", { outputLength: length }).update(seed).digest();
}

function text(seed: string, lines: number): string {
	const words = noise(seed, lines).toString("hex");
	return Array.from(
		{ length: lines },
		(_, line) =>
			`${line}: the quick brown ${words.slice(line * 2, line * 2 + 2)}\n`,
	).join("");
}

function command(name: string, ...args: readonly string[]): void {
	const { status, stderr } = spawnSync(name, args);
	if (status !== 0) throw new Error(`${name}: ${stderr}`);
}

/** Sets the mtime, exactly to the nanosecond, of links themselves too. */
function touch(path: string, time: string): void {
	command("touch", "-h", "-d", time, path);
}

/** A sparse file of that length with content at some offsets. */
function sparse(
	path: string,
	length: number,
	pieces: readonly (readonly [number, Buffer])[],
): void {
	const fd = openSync(path, "w");
	for (const [offset, piece] of pieces)
		writeSync(fd, piece, 0, piece.length, offset);
	ftruncateSync(fd, length);
	closeSync(fd);
}

function makeContents(folder: string): void {
	writeFileSync(join(folder, "empty"), "");
	writeFileSync(join(folder, "one byte"), "x");
	writeFileSync(join(folder, "text"), text("text", 60_000));
	writeFileSync(join(folder, "noise"), noise("noise", 3 * MiB));
	writeFileSync(join(folder, "same noise"), noise("noise", 3 * MiB));
	const zeros = Buffer.alloc(300_000);
	writeFileSync(
		join(folder, "written zeros"),
		Buffer.concat([noise("a", 100), zeros, noise("b", 70_000), zeros]),
	);
	writeFileSync(join(folder, "only zeros"), Buffer.alloc(65_536));
	writeFileSync(join(folder, "few zeros"), Buffer.alloc(65_535));
	sparse(join(folder, "sparse"), 131 * MiB, [
		[0, noise("head", 100_000)],
		[64 * MiB - 50_000, noise("edge", 1_200_000)],
		[129 * MiB, noise("tail", 1_500_000)],
	]);
	sparse(join(folder, "hole"), 8 * MiB, []);
}

function makeNames(folder: string): void {
	const odd = join(folder, "odd");
	mkdirSync(odd);
	const names = [
		"\xff\xfe",
		"line\nbreak",
		"\x01",
		"tab\t",
		"-n",
		"\xed\xa0\x80",
	];
	for (const [index, name] of [...names, "*", "back\\slash"].entries())
		writeFileSync(
			Buffer.concat([Buffer.from(`${odd}/`), Buffer.from(name, "latin1")]),
			`${index}`,
		);
	writeFileSync(join(odd, "ü€😀".normalize("NFD")), "decomposed");
	writeFileSync(join(odd, "x".repeat(255)), "long");
	const below = Buffer.concat([Buffer.from(`${odd}/`), Buffer.from([0xc3])]);
	mkdirSync(below);
	writeFileSync(Buffer.concat([below, Buffer.from("/deep")]), "deep");
	symlinkSync(Buffer.from([0x2f, 0xff]), join(odd, "to odd bytes"));
}

function makeLinks(folder: string): void {
	mkdirSync(join(folder, "links"));
	linkSync(join(folder, "text"), join(folder, "links", "text"));
	linkSync(join(folder, "text"), join(folder, "links-3"));
	linkSync(join(folder, "empty"), join(folder, "links", "empty"));
	symlinkSync("nowhere", join(folder, "links", "broken"));
	symlinkSync("../text", join(folder, "links", "to text"));
	linkSync(join(folder, "links", "broken"), join(folder, "links", "twin"));
	command("mkfifo", "-m", "640", join(folder, "links", "fifo"));
}

function makeDirectories(folder: string): void {
	mkdirSync(join(folder, "nothing in it"));
	mkdirSync(join(folder, ...Array.from({ length: 30 }, () => "d")), {
		recursive: true,
	});
	const many = join(folder, "many");
	mkdirSync(many);
	for (let index = 0; index < 4150; index++)
		writeFileSync(join(many, `entry ${index}`), index % 7 ? "" : `${index}\n`);
}

function setAttributes(folder: string): void {
	if (isRoot) chownSync(join(folder, "one byte"), 12_345, 4_000_000_000);
	chmodSync(join(folder, "one byte"), 0o4751);
	chmodSync(join(folder, "noise"), 0o400);
	chmodSync(join(folder, "nothing in it"), 0o1777);
	chmodSync(join(folder, "many"), 0o2750);
	touch(join(folder, "noise"), "@1700000000.123456789");
	touch(join(folder, "text"), "@1700000000.999999999");
	touch(join(folder, "links", "fifo"), "@1600000000.000000001");
	touch(join(folder, "links", "to text"), "@1500000000.5");
	touch(join(folder, "empty"), "1969-12-31T23:59:58.999999999Z");
	touch(join(folder, "one byte"), "1901-12-13T20:45:52.25Z");
	touch(join(folder, "hole"), "2106-02-07T06:28:16.000000007Z");
	touch(join(folder, "many"), "@1.000000002");
	touch(join(folder, "nothing in it"), "@0");
	touch(folder, "@1234567890.987654321");
}

/** Makes a tree of about 4,250 entries with something of all that a snapshot keeps. */
export function makeRichTree(folder: string): void {
	mkdirSync(folder);
	makeContents(folder);
	makeNames(folder);
	makeLinks(folder);
	makeDirectories(folder);
	setAttributes(folder);
}

/** Changes some of it: bytes within files, entries that come and go, and nothing but attributes. */
export function changeRichTree(folder: string): void {
	const noisy = noise("noise", 3 * MiB);
	noisy.write("changed", 1_500_000);
	writeFileSync(join(folder, "same noise"), noisy);
	writeFileSync(join(folder, "text"), `inserted\n${text("text", 60_000)}`);
	unlinkSync(join(folder, "many", "entry 17"));
	writeFileSync(join(folder, "many", "entry 5"), "five");
	writeFileSync(join(folder, "many", "new"), "new");
	rmSync(join(folder, "odd"), { recursive: true });
	chmodSync(join(folder, "few zeros"), 0o777);
	touch(join(folder, "only zeros"), "@1700000001.000000001");
}
