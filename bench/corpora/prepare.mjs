// The list of corpora, and how one is prepared once: under a name of its own first, renamed when whole, then stamped.
import {
	existsSync,
	mkdirSync,
	readFileSync,
	realpathSync,
	renameSync,
	rmSync,
	writeFileSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { makeHugeFile, makeMedia } from "./blocks.mjs";
import {
	makeDatabase,
	makeSmallDatabases,
	whyNoDatabase,
} from "./database.mjs";
import { makeLinux, whyNoLinux } from "./linux.mjs";
import { makeMail } from "./mail.mjs";
import { makeEntries, makeFiles } from "./small-files.mjs";
import { countTree } from "./walk.mjs";

/** Raised with every change of what a generator makes, so that an old corpus is not taken for a new one. */
const GENERATORS = 1;

/**
 * Each corpus: what `size` means and is when not given, the function that makes it, why it may not be possible here
 * (`absent`), the corpus or state that follows at the same path (`next`), and the rows that make sense beyond the usual.
 */
export const corpora = {
	"linux-6.1": {
		make: (root) => makeLinux(root, "6.1"),
		absent: whyNoLinux,
		next: "linux-6.12",
	},
	"linux-6.12": {
		make: (root) => makeLinux(root, "6.12"),
		absent: whyNoLinux,
	},
	"million-files": { unit: "files", size: 1_000_000, make: makeFiles },
	"million-entries": {
		unit: "entries",
		size: 1_000_000,
		make: makeEntries,
		rows: ["one"],
	},
	database: {
		unit: "bytes",
		size: 657_000_000,
		make: makeDatabase,
		absent: whyNoDatabase,
		next: "database.next",
	},
	"small-databases": {
		unit: "bytes of the smallest",
		size: 1_000_000,
		make: makeSmallDatabases,
		absent: whyNoDatabase,
		next: "small-databases.next",
	},
	"huge-file": { unit: "bytes", size: 4 * 2 ** 30, make: makeHugeFile },
	mail: { unit: "messages", size: 20_000, make: makeMail },
	media: { unit: "bytes", size: 512_000_000, make: makeMedia },
	"one-file": { unit: "files", size: 1, make: makeFiles },
};

/** The directory of the corpora: `VARVE_BENCH_DIR`, or `varve-bench` in the system's temporary directory. */
export function benchDirectory() {
	return process.env.VARVE_BENCH_DIR ?? join(tmpdir(), "varve-bench");
}

const stampPath = (directory, name) => join(directory, `${name}.stamp.json`);

function readStamp(directory, name) {
	const path = stampPath(directory, name);
	return existsSync(path) ? JSON.parse(readFileSync(path, "utf8")) : undefined;
}

function writeStamp(directory, name, stamp) {
	const whole = {
		name,
		...stamp,
		...countTree(realpathSync(join(directory, name))),
	};
	const text = `${JSON.stringify(whole, undefined, "\t")}\n`;
	writeFileSync(stampPath(directory, name), text);
	return whole;
}

/** Takes what is there without a stamp as it is: somebody put it there. Unfinished work never bears the final name. */
function adopt(directory, name) {
	return writeStamp(directory, name, {
		adopted: true,
		preparedAt: new Date().toISOString(),
	});
}

function requireSame(stamp, wanted) {
	if (stamp.adopted) return;
	for (const key of ["generators", "size", "seed"])
		if (stamp[key] !== wanted[key])
			throw new Error(
				`${stamp.name} is there with ${key} ${stamp[key]}, not ${wanted[key]}: pass --force to make it again`,
			);
}

async function makeFresh(directory, name, wanted) {
	const corpus = corpora[name];
	const nextName = corpus.next?.startsWith(`${name}.`)
		? corpus.next
		: undefined;
	const made = [name, nextName].filter((each) => each !== undefined);
	const partial = (each) => join(directory, `${each}.partial`);
	for (const each of made) {
		rmSync(partial(each), { recursive: true, force: true });
		mkdirSync(partial(each), { recursive: true, mode: 0o755 });
	}
	const options = { ...wanted, next: nextName && partial(nextName) };
	const provenance = (await corpus.make(partial(name), options)) ?? {};
	for (const each of made) {
		rmSync(join(directory, each), { recursive: true, force: true });
		renameSync(partial(each), join(directory, each));
	}
	const preparedAt = new Date().toISOString();
	return writeStamp(directory, name, { ...wanted, ...provenance, preparedAt });
}

/**
 * Prepares the corpus `name` below `directory` unless it is there, and returns its stamp: `files`, `directories`,
 * `bytes`, `preparedAt`, and with what it was made. Throws an Error that says what to do when it cannot be made here.
 */
export async function prepare(name, options = {}) {
	const corpus = corpora[name];
	if (corpus === undefined)
		throw new Error(
			`no corpus is called ${name}: ${Object.keys(corpora).join(", ")}`,
		);
	const { directory = benchDirectory(), seed = 1, force = false } = options;
	const size = options.size ?? corpus.size;
	const wanted = { generators: GENERATORS, ...(size && { size, seed }) };
	const there = existsSync(join(directory, name));
	if (there && !force) {
		const stamp = readStamp(directory, name) ?? adopt(directory, name);
		requireSame(stamp, wanted);
		return { ...stamp, fresh: false };
	}
	const absent = corpus.absent?.();
	if (absent) throw new Error(`${name}: ${absent}`);
	mkdirSync(directory, { recursive: true });
	return { ...(await makeFresh(directory, name, wanted)), fresh: true };
}
