// The rows of the report, in the order they run: each leaves the repository as the next ones expect it.
import {
	lstatSync,
	mkdirSync,
	rmSync,
	statfsSync,
	utimesSync,
	writeFileSync,
} from "node:fs";
import { join } from "node:path";
import { countTree } from "../corpora/walk.mjs";
import { CommandFailed } from "./session.mjs";

function first(session) {
	session.reset();
	return session.timedSnapshot();
}

function unchangedCold(session) {
	session.forgetCache();
	return session.timedSnapshot();
}

/**
 * What came back is counted too: a restore that lost half would be fast. And a full file system is told from a slow or
 * broken program before it begins.
 */
function restore(session) {
	const { target, source } = session.place;
	const wanted = countTree(source);
	rmSync(target, { recursive: true, force: true });
	mkdirSync(target, { recursive: true });
	requireRoom(target, wanted);
	try {
		const usage = session.timed("restore", target);
		const came = countTree(target);
		if (came.files !== wanted.files || came.bytes !== wanted.bytes)
			throw new CommandFailed(
				`${session.tool.name} restored ${came.files} files, ${came.bytes} bytes of ${wanted.files}, ${wanted.bytes}`,
			);
		return usage;
	} finally {
		rmSync(target, { recursive: true, force: true });
	}
}

function requireRoom(directory, { files, directories, allocated }) {
	const { bavail, bsize, ffree, files: inodes } = statfsSync(directory);
	if (bavail * bsize < allocated)
		throw new CommandFailed("not run, too little space to restore to");
	// a file system that makes inodes as it goes says it has none at all
	if (inodes > 0 && ffree < files + directories)
		throw new CommandFailed("not run, too few inodes to restore to");
}

/** Puts one small new file at the top of the source, and takes it away again. */
function oneMore(session) {
	const { source } = session.place;
	const { atime, mtime } = lstatSync(source);
	const path = join(source, "varve-bench-one-more");
	writeFileSync(path, `one more, ${session.tool.name}, ${Date.now()}\n`);
	try {
		return session.timedSnapshot();
	} finally {
		rmSync(path);
		utimesSync(source, atime, mtime);
	}
}

function collect(session) {
	const usage = session.timed("gc");
	return { ...usage, stored: session.stored() };
}

/** A snapshot of one file that has not changed: what a tool costs before it looks at anything. */
function start(session, { oneFile }) {
	const { source } = session.place;
	session.place.source = oneFile;
	try {
		session.reset();
		session.run("snapshot");
		return session.timed("snapshot");
	} finally {
		session.place.source = source;
	}
}

/** Fills a repository with snapshots of one file, `fill` of them, and lists them. */
function list(session, { fill, oneFile }) {
	const { source } = session.place;
	session.place.source = oneFile;
	try {
		if (session.place.count === 0) session.reset();
		while (session.place.count < fill) session.run("snapshot");
		return session.timed("list");
	} finally {
		session.place.source = source;
	}
}

/**
 * `verb` is what the tool has to know; `after` the rows whose work this one builds on, run without being reported
 * when they were not asked for; `apart` gives the row a repository of its own; `usual` rows run when none are named;
 * `state` says that the source has to be brought to its next state before.
 */
export const rows = [
	{
		name: "start",
		title: "unchanged snapshot of one file",
		verb: "snapshot",
		after: [],
		apart: true,
		usual: true,
		run: start,
	},
	{
		name: "list",
		title: "list snapshots",
		verb: "list",
		after: [],
		apart: true,
		usual: true,
		run: list,
	},
	{
		name: "first",
		title: "first snapshot",
		verb: "snapshot",
		after: [],
		usual: true,
		run: first,
	},
	{
		name: "unchanged",
		title: "unchanged again",
		verb: "snapshot",
		after: ["first"],
		usual: true,
		run: (session) => session.timedSnapshot(),
	},
	{
		name: "cold",
		title: "unchanged, client's cache lost",
		verb: "snapshot",
		after: ["first"],
		run: unchangedCold,
	},
	{
		name: "restore",
		title: "restore",
		verb: "restore",
		after: ["first"],
		usual: true,
		run: restore,
	},
	{
		name: "verify",
		title: "verify every byte",
		verb: "verify",
		after: ["first"],
		usual: true,
		run: (session) => session.timed("verify"),
	},
	{
		name: "scrub",
		title: "scrub",
		verb: "scrub",
		after: ["first"],
		usual: true,
		run: (session) => session.timed("scrub"),
	},
	{
		name: "one",
		title: "one entry more",
		verb: "snapshot",
		after: ["first"],
		run: oneMore,
	},
	{
		name: "next",
		title: "next version, same path",
		verb: "snapshot",
		after: ["first"],
		usual: true,
		state: "next",
		run: (session) => session.timedSnapshot(),
	},
	{
		name: "gc",
		title: "forget and gc, keeping the last",
		verb: "gc",
		after: ["first", "unchanged", "next"],
		usual: true,
		state: "next",
		run: collect,
	},
];

/** The rows to run for these names (all usual ones when undefined), with those they build on; `asked` marks the former. */
export function chooseRows(names, { hasNext, more = [] }) {
	const usual = rows
		.filter((row) => row.usual && (hasNext || row.state !== "next"))
		.map((row) => row.name);
	const asked = new Set(names ?? [...usual, ...more]);
	for (const name of asked) {
		const row = rows.find((each) => each.name === name);
		if (row === undefined) throw new Error(`no row is called ${name}`);
		if (row.state === "next" && !hasNext)
			throw new Error(`the row ${name} needs a corpus with a next state`);
	}
	const needed = new Set(asked);
	for (const row of [...rows].reverse())
		if (needed.has(row.name)) for (const name of row.after) needed.add(name);
	return rows
		.filter((row) => needed.has(row.name))
		.map((row) => ({ ...row, asked: asked.has(row.name) }));
}
