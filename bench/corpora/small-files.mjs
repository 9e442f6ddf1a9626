// `million-files`: many small files, 100 to a directory, two levels deep, about 1 KiB on average and never more than
// one page (4 KiB), so that a tmpfs needs no more than one page for each.
// `million-entries`: one directory with all of them; seven of eight entries are empty.
import {
	closeSync,
	futimesSync,
	mkdirSync,
	openSync,
	utimesSync,
	writeSync,
} from "node:fs";
import { join } from "node:path";
import { fanOut } from "./fan-out.mjs";
import { mix, Random } from "./random.mjs";
import { fillText, words } from "./text.mjs";

const FILES_EACH = 100;
const LARGEST = 4096;
const MEAN = 1056;
const EXTENSIONS = ["txt", "json", "c", "md", "log", "html", "conf", "py"];
const EPOCH = 1_600_000_000;
const THREE_YEARS = 94_608_000;

/** Names of the directories of `million-files`, parents first; their number is a hundredth of `size`. */
export function directoryNames(size) {
	const count = Math.max(1, Math.ceil(size / FILES_EACH));
	const tops = Math.ceil(Math.sqrt(count));
	const name = (number) => `d${String(number).padStart(3, "0")}`;
	return Array.from({ length: count }, (_, i) =>
		i < tops
			? name(i)
			: join(name(i % tops), `${words[i % words.length]}-${i}`),
	);
}

function fileName(number) {
	const word = words[mix(number, 7) % words.length];
	return `${word}-${number}.${EXTENSIONS[number % EXTENSIONS.length]}`;
}

function writeOne(path, content, seconds) {
	const file = openSync(path, "wx", 0o644);
	if (content.length > 0) writeSync(file, content);
	futimesSync(file, seconds, seconds);
	closeSync(file);
}

const draw = {
	files: (random) =>
		random.below(100) === 0 ? 0 : random.exponential(MEAN, LARGEST),
	entries: (random) => (random.below(8) === 0 ? 20 + random.below(80) : 0),
};

/** Makes every `lanes`-th directory's files (or every `lanes`-th entry); runs in a worker thread. */
export function fill({ root, kind, size, seed, lane, lanes }) {
	const random = new Random(seed);
	const buffer = Buffer.allocUnsafe(LARGEST);
	const names = kind === "files" ? directoryNames(size) : [""];
	const each = kind === "files" ? FILES_EACH : 1;
	for (let group = lane; group * each < size; group += lanes) {
		const directory = join(root, names[group] ?? "");
		const end = Math.min(size, (group + 1) * each);
		for (let number = group * each; number < end; number++) {
			random.reseed(mix(seed, number));
			const length = draw[kind](random);
			fillText(buffer, { start: 0, end: length, random });
			const seconds = EPOCH + random.below(THREE_YEARS);
			writeOne(
				join(directory, fileName(number)),
				buffer.subarray(0, length),
				seconds,
			);
		}
	}
}

async function make(root, task) {
	const directories = task.kind === "files" ? directoryNames(task.size) : [];
	for (const name of directories) mkdirSync(join(root, name), { mode: 0o755 });
	await fanOut(import.meta.url, { root, ...task });
	// children first: filling a directory has moved its own time
	for (const name of [...directories.reverse(), ""])
		utimesSync(join(root, name), EPOCH, EPOCH);
}

export const makeFiles = (root, { size, seed }) =>
	make(root, { kind: "files", size, seed });
export const makeEntries = (root, { size, seed }) =>
	make(root, { kind: "entries", size, seed });
