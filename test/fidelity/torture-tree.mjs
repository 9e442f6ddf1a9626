// A tree of everything a Linux file system can hold that programs of this kind have lost. Each feature has a directory of its own.
//
//   node test/fidelity/torture-tree.mjs FOLDER
//
// As root it has all features, else those that a user without rights can make. Needs setfattr, setfacl, setcap (libcap2-bin),
// mkfifo, mknod and python3; where a file system refuses something (extended attributes, say), that feature stays away.

import { spawnSync } from "node:child_process";
import { createHash } from "node:crypto";
import {
	chmodSync,
	chownSync,
	closeSync,
	ftruncateSync,
	lchownSync,
	linkSync,
	mkdirSync,
	openSync,
	rmSync,
	symlinkSync,
	writeFileSync,
	writeSync,
} from "node:fs";
import { basename, join } from "node:path";
import { fileURLToPath } from "node:url";

const MiB = 2 ** 20;
const isRoot = process.getuid() === 0;

/** Incompressible bytes, the same for the same seed. */
function noise(seed, length) {
	return createHash("shake256", { outputLength: length }).update(seed).digest();
}

function command(name, ...args) {
	const { status, stderr, error } = spawnSync(name, args);
	if (status !== 0) throw error ?? new Error(`${name}: ${stderr}`);
}

function put(folder, name, content = name) {
	const path = join(folder, name);
	writeFileSync(path, content);
	return path;
}

/** A path of any bytes. */
function rawPath(folder, name) {
	return Buffer.concat([Buffer.from(`${folder}/`), name]);
}

/** A file of that length with content at some offsets, and holes elsewhere. */
function sparse(path, length, pieces) {
	const fd = openSync(path, "w");
	for (const [offset, bytes] of pieces)
		writeSync(fd, bytes, 0, bytes.length, offset);
	ftruncateSync(fd, length);
	closeSync(fd);
}

function setTime(path, time) {
	command("touch", "-h", "-d", time, path);
}

const anyone = {
	contents(folder) {
		put(folder, "empty", "");
		put(folder, "one byte", "x");
		put(folder, "noise", noise("noise", 3 * MiB));
		put(folder, "the same noise", noise("noise", 3 * MiB));
		put(folder, "zeros", Buffer.alloc(300_000));
		const parts = [noise("a", 100), Buffer.alloc(200_000), noise("b", 9)];
		put(folder, "zeros within", Buffer.concat(parts));
	},
	modes(folder) {
		for (const mode of [0, 0o444, 0o640, 0o755, 0o777, 0o4755, 0o2711, 0o1644])
			chmodSync(put(folder, mode.toString(8)), mode);
		for (const mode of [0o500, 0o755, 0o1777, 0o2775]) {
			const inner = join(folder, `directory ${mode.toString(8)}`);
			mkdirSync(inner);
			put(inner, "file");
			chmodSync(inner, mode);
		}
	},
	"names of any bytes"(folder) {
		for (let byte = 1; byte < 256; byte++)
			if (byte !== 0x2f && byte !== 0x2e)
				writeFileSync(rawPath(folder, Buffer.from([byte])), "one");
		writeFileSync(rawPath(folder, Buffer.from([0xc3, 0x28])), "no UTF-8");
		writeFileSync(rawPath(folder, Buffer.from([0xed, 0xa0, 0x80])), "half");
		put(folder, "\u00e9", "composed");
		put(folder, "e\u0301", "decomposed");
		put(folder, "a".repeat(255), "long");
		for (const name of ["...", "-rf", " ", "\u202egpj.exe", "\u001b[31mred"])
			put(folder, name);
	},
	symlinks(folder) {
		symlinkSync("nowhere", join(folder, "dangling"));
		symlinkSync("/etc/hostname", join(folder, "absolute"));
		symlinkSync("..", join(folder, "above"));
		symlinkSync("x".repeat(4095), join(folder, "long"));
		const raw = Buffer.from([0xff, 0x0a, 0x1b, 0x80]);
		symlinkSync(raw, join(folder, "bytes"));
		setTime(join(folder, "dangling"), "@981173106.123456789");
	},
	"hard links"(folder) {
		const [one, two] = ["one", "two"].map((name) => join(folder, name));
		for (const inner of [one, two]) mkdirSync(inner);
		const first = put(one, "first", noise("linked", 100_000));
		linkSync(first, join(one, "second"));
		linkSync(first, join(two, "third"));
		symlinkSync("target", join(one, "link"));
		linkSync(join(one, "link"), join(two, "same link"));
		command("mkfifo", join(one, "fifo"));
		linkSync(join(one, "fifo"), join(two, "same fifo"));
	},
	"FIFOs and sockets"(folder) {
		command("mkfifo", "-m", "620", join(folder, "fifo"));
		const script =
			"import socket,sys; socket.socket(socket.AF_UNIX).bind(sys.argv[1])";
		// A path of more than 107 bytes is none for bind(2).
		const { status, stderr } = spawnSync("python3", ["-c", script, "socket"], {
			cwd: folder,
		});
		if (status !== 0) throw new Error(`python3: ${stderr}`);
	},
	times(folder) {
		const seconds = [-(2 ** 40), -1, 0, 2 ** 31 - 1, 2 ** 31, 2 ** 33, 2 ** 40];
		for (const time of seconds)
			setTime(put(folder, `${time}`), `@${time}.999999999`);
		setTime(put(folder, "1 ns"), "@1000000000.000000001");
		const inner = join(folder, "directory");
		mkdirSync(inner);
		put(inner, "file");
		setTime(inner, "@-12345.678901234");
	},
	holes(folder) {
		const piece = noise("piece", MiB);
		sparse(join(folder, "all"), 64 * MiB, []);
		sparse(join(folder, "middle"), 80 * MiB, [
			[0, piece],
			[79 * MiB, piece],
		]);
		sparse(join(folder, "both ends"), 9 * MiB + 1, [[4 * MiB + 77, piece]]);
		sparse(join(folder, "large"), 2 ** 28, [[2 ** 27, piece]]);
	},
	"a directory of many entries"(folder) {
		for (let i = 0; i < 4200; i++) put(folder, `entry-${i}`, `${i % 7}`);
	},
	"user attributes"(folder) {
		const set = (path, name, value) =>
			command("setfattr", "-h", "-n", name, "-v", value, path);
		const file = put(folder, "file");
		set(file, "user.text", "value");
		set(file, "user.empty", "");
		set(file, "user.bytes", "0x00ff0a1b");
		set(file, "user.long", `0x${noise("value", 3000).toString("hex")}`);
		const inner = join(folder, "directory");
		mkdirSync(inner);
		set(inner, "user.of a directory", "value");
		for (let i = 0; i < 20; i++) set(file, `user.number-${i}`, `${i}`);
	},
	ACLs(folder) {
		const set = (...args) => command("setfacl", ...args);
		set("-m", "u:65534:rw,g:4711:r,m::rw", put(folder, "file"));
		set("-m", "u:4711:---", put(folder, "closed to one"));
		const inner = join(folder, "directory");
		mkdirSync(inner);
		set("-m", "d:u:4711:rwx,d:m::rx", inner);
		put(inner, "heir");
		mkdirSync(join(inner, "heiress"));
		const late = join(folder, "default that its file lacks");
		mkdirSync(late);
		put(late, "file");
		set("-m", "d:g:4711:rwx", late);
	},
};

const rootOnly = {
	"a file of several spans"(folder) {
		put(folder, "file", noise("spans", 65 * MiB));
	},
	owners(folder) {
		const owners = [
			[0, 0],
			[1, 2],
			[65534, 65534],
			[4711, 4712],
			[4294967294, 4294967294],
		];
		for (const [uid, gid] of owners) {
			chownSync(put(folder, `${uid}`), uid, gid);
			const inner = join(folder, `directory of ${uid}`);
			mkdirSync(inner);
			chownSync(inner, uid, gid);
			symlinkSync("target", join(folder, `link of ${uid}`));
			lchownSync(join(folder, `link of ${uid}`), uid, gid);
		}
		const owned = put(folder, "set-id of another");
		chownSync(owned, 4711, 4712);
		chmodSync(owned, 0o6755);
	},
	devices(folder) {
		command("mknod", join(folder, "character"), "c", "1", "3");
		command("mknod", join(folder, "block"), "b", "259", "1048575");
		command("mknod", join(folder, "zero"), "c", "0", "0");
		linkSync(join(folder, "character"), join(folder, "same character"));
		chmodSync(join(folder, "block"), 0o660);
	},
	capabilities(folder) {
		const file = put(folder, "file");
		chmodSync(file, 0o755);
		command("setcap", "cap_net_raw,cap_net_bind_service+ep", file);
		const owned = put(folder, "of another");
		chownSync(owned, 4711, 4712);
		chmodSync(owned, 0o750);
		command("setcap", "cap_chown+ei", owned);
	},
	"trusted attributes"(folder) {
		const set = (path) =>
			command("setfattr", "-h", "-n", "trusted.kept", "-v", "value", path);
		set(put(folder, "file"));
		symlinkSync("target", join(folder, "link"));
		set(join(folder, "link"));
		command("mkfifo", join(folder, "fifo"));
		set(join(folder, "fifo"));
	},
};

/**
 * Makes the tree in a new directory. Returns the names of its features and of those that the file system, or who runs this, does
 * not allow, with the reason.
 */
export function growTortureTree(folder) {
	mkdirSync(folder);
	const made = [];
	const refused = [];
	const features = { ...anyone, ...(isRoot ? rootOnly : {}) };
	for (const [name, make] of Object.entries(features)) {
		const inner = join(folder, name);
		mkdirSync(inner);
		try {
			make(inner);
			setTime(inner, "@1234567890.123456789");
			made.push(name);
		} catch (error) {
			rmSync(inner, { recursive: true });
			refused.push({ name, reason: error.message });
		}
	}
	setTime(folder, "@1234567890.987654321");
	return { made, refused };
}

if (process.argv[1] === fileURLToPath(import.meta.url)) {
	const [folder] = process.argv.slice(2);
	if (folder === undefined) {
		console.error(`usage: node ${basename(process.argv[1])} FOLDER`);
		process.exit(2);
	}
	const { made, refused } = growTortureTree(folder);
	console.log(`${folder}: ${made.join(", ")}`);
	for (const { name, reason } of refused) console.log(`not ${name}: ${reason}`);
}
