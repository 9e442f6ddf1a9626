// Trees whose files hold contents out of one small pool: what one writer forgets another one takes again, so that the same chunks die and
// come back all the time. The note of a snapshot says what is in it.

import {
	mkdirSync,
	readdirSync,
	readFileSync,
	renameSync,
	rmSync,
	writeFileSync,
} from "node:fs";
import { dirname, join } from "node:path";
import { seeded } from "../random.mjs";

const poolSize = 160;
const files = 20;
const folders = 4;

/** What a tree holds: for each file the number of its content, or -1 where there is none. */
export function firstState(random) {
	return Array.from({ length: files }, () => random.below(poolSize));
}

/** Some files hold something else, or are not there. */
export function nextState(state, random) {
	return state.map((content) => {
		if (random.below(5) > 0) return content;
		return random.below(8) === 0 ? -1 : random.below(poolSize);
	});
}

const pathOf = (file) => `folder-${file % folders}/file-${file}`;

/** Files that hold the right thing already are not touched. */
export function writeState(folder, state) {
	for (const [file, content] of state.entries()) {
		const path = join(folder, pathOf(file));
		mkdirSync(dirname(path), { recursive: true });
		if (content < 0) rmSync(path, { force: true });
		else if (!holds(path, content)) {
			writeFileSync(`${folder}.new`, contentOf(content));
			renameSync(`${folder}.new`, path);
		}
	}
}

/** The first path below `folder` that is not as `state` says, or undefined. */
export function wrongPath(folder, state) {
	const wrong = state.findIndex((content, file) => {
		const path = join(folder, pathOf(file));
		return content < 0 ? read(path) !== undefined : !holds(path, content);
	});
	if (wrong >= 0) return pathOf(wrong);
	const found = readdirSync(folder, { recursive: true, withFileTypes: true });
	const wanted = state.filter((content) => content >= 0).length;
	const count = found.filter((entry) => entry.isFile()).length;
	return count === wanted ? undefined : `${count} files instead of ${wanted}`;
}

const holds = (path, content) =>
	read(path)?.equals(contentOf(content)) === true;

function read(path) {
	try {
		return readFileSync(path);
	} catch (error) {
		if (error.code === "ENOENT") return undefined;
		throw error;
	}
}

/** 1 to 40 KB, of which half compresses away. */
function contentOf(content) {
	const random = seeded(content + 1);
	const length = 500 + random.below(20_000);
	return Buffer.from(Buffer.from(random.bytes(length)).toString("hex"));
}

/** A note is unique, and says who took the snapshot of what. */
export const noteOf = (writer, serial, state) =>
	JSON.stringify({ writer, serial, state });

export const stateIn = (note) => JSON.parse(note).state;
