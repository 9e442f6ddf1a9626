// How a restored tree differs from its source, found with tools that share nothing with the program.

import { spawnSync } from "node:child_process";
import { lstatSync } from "node:fs";
import { accountOf } from "../crash/tree-account.mjs";

/** Holes may be cut at other blocks: as many bytes more on disk count as none. */
const slack = 1 << 20;

function output(command, args, cwd) {
	const { status, stdout, stderr, error } = spawnSync(command, args, {
		cwd,
		maxBuffer: 2 ** 28,
		env: { ...process.env, LC_ALL: "C.UTF-8" },
	});
	if (error) throw error;
	if (status !== 0) throw new Error(`${command}: ${stderr}`);
	return stdout.toString("latin1");
}

/** What each tool prints of the source and not of the restored tree, or the reverse; empty if they are equal. */
export function externalDifferences(source, target) {
	const rsync = output("rsync", [
		...["-aHAXSn", "--delete", "--checksum", "--itemize-changes"],
		...[`${source}/`, `${target}/`],
	]);
	const tools = [
		["getfattr", "-d", "-m-", "-h", "-R", "-e", "hex", "."],
		["getfacl", "-R", "-n", "-p", "."],
		["getcap", "-r", "."],
	];
	const differences = rsync.split("\n").filter((line) => line !== "");
	for (const [command, ...args] of tools) {
		const [expected, found] = [source, target].map((folder) =>
			sortedBlocks(output(command, args, folder)),
		);
		for (const block of expected)
			if (!found.includes(block))
				differences.push(`${command} misses: ${block}`);
		for (const block of found)
			if (!expected.includes(block))
				differences.push(`${command} has as well: ${block}`);
	}
	return differences;
}

/** The order of a directory's entries is no property of a tree. */
function sortedBlocks(text) {
	return text.split(/\n\n|(?<= cap_.*)\n/).sort();
}

/** By feature (a directory directly below both): the aspects in which the trees differ. */
export function featureDifferences(source, target, features) {
	return new Map(
		features.map((name) => [
			name,
			aspectsOf(`${source}/${name}`, `${target}/${name}`),
		]),
	);
}

function aspectsOf(source, target) {
	const [expected, found] = [source, target].map(describe);
	const aspects = new Set();
	for (const [path, entry] of expected) {
		const other = found.get(path);
		if (other === undefined) aspects.add("missing");
		else
			for (const aspect of Object.keys(entry))
				if (entry[aspect] !== other[aspect]) aspects.add(aspect);
		if (other !== undefined && entry.allocated + slack < other.allocated)
			aspects.add("holes");
	}
	for (const path of found.keys()) if (!expected.has(path)) aspects.add("more");
	aspects.delete("allocated");
	return [...aspects].sort();
}

/** Path below the folder (latin1) to the aspects of the entry. */
function describe(folder) {
	if (lstatSync(folder, { throwIfNoEntry: false }) === undefined)
		return new Map();
	const attributes = attributesOf(folder);
	const entries = new Map();
	for (const [path, line] of accountOf(folder)) {
		const [kind, mode, owner, time, ...content] = line.split(" ");
		const full = Buffer.from(`${rawText(folder)}${path}`, "latin1");
		entries.set(path, {
			kind,
			mode,
			owner,
			time,
			content: content.join(" "),
			attributes: attributes.get(path) ?? "",
			allocated: lstatSync(full).blocks * 512,
		});
	}
	return entries;
}

function rawText(path) {
	return Buffer.from(path).toString("latin1");
}

/** Extended attributes by path: ACLs and capabilities are some too. */
function attributesOf(folder) {
	const text = output(
		"getfattr",
		["-d", "-m-", "-h", "-R", "-e", "hex", "."],
		folder,
	);
	const attributes = new Map();
	for (const block of text.split("\n\n")) {
		const [first, ...lines] = block.split("\n");
		if (!first?.startsWith("# file: ")) continue;
		const name = first
			.slice("# file: ".length)
			.replace(/\\(\d{3})/g, (_, octal) =>
				String.fromCharCode(Number.parseInt(octal, 8)),
			);
		attributes.set(name === "." ? "" : `/${name}`, lines.sort().join("\n"));
	}
	return attributes;
}
