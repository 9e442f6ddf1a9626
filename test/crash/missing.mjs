// Each file of a repository deleted in turn, and then everything done that a user would do.
//
//   node test/crash/missing.mjs --seed 1 --files 40
//
// --files    of the tree; it is taken twice, with some changes between
// --copies   0 makes the repository without second copies; 1 with them; 2 tries both
// --every    one file of so many is deleted
//
// After each: verify says that something is lost, with exit code 4, if it is; a restore gives back all that is not, exactly, and ends with 4
// if anything is missing; the repairs end with 0, or with 4 and what is lost; what could be restored before can be restored after.

import { cpSync, mkdirSync, rmSync } from "node:fs";
import { join } from "node:path";
import { initRepository, snapshot } from "@varve/core";
import { wholeScope } from "@varve/format";
import { campaign } from "./campaign.mjs";
import { run } from "./program.mjs";
import { filesIn } from "./repository-files.mjs";
import { changeTree, growTree } from "./seeded-tree.mjs";
import { accountOf } from "./tree-account.mjs";

const defaults = { files: 40, copies: 2, every: 1 };

await campaign("missing", defaults, async ({ options, folder, log }) => {
	for (const copies of [false, true]) {
		if (options.copies !== 2 && copies !== (options.copies === 1)) continue;
		const place = join(folder, copies ? "with" : "without");
		const bench = await prepare(place, { ...options, copies });
		const files = filesIn(bench.untouched);
		for (const [i, file] of files.entries())
			if (i % options.every === 0) await loseOne({ ...bench, log }, file);
	}
});

async function prepare(place, { seed, files, copies }) {
	mkdirSync(place);
	const location = join(place, "repository");
	const source = join(place, "source");
	const parameters = { packBytes: 2 ** 17, frameBytes: 2 ** 15 };
	const repository = await initRepository({
		location,
		parameters: copies ? parameters : { ...parameters, copies },
		workers: 0,
	});
	growTree(source, { seed, files, large: 1 });
	const first = await take(repository, source);
	changeTree(source, { seed: seed + 1, share: 0.3 });
	const second = await take(repository, source);
	await repository.close();
	const untouched = join(place, "untouched");
	cpSync(location, untouched, { recursive: true, preserveTimestamps: true });
	return { place, location, source, untouched, taken: [first, second], copies };
}

async function take(repository, path) {
	const { id } = await snapshot(repository, {
		roots: [{ path, kind: "directory", names: [] }],
		scope: wholeScope,
	});
	return { id, account: accountOf(path) };
}

async function loseOne(bench, file) {
	const { location, untouched, log, copies } = bench;
	rmSync(location, { recursive: true, force: true });
	cpSync(untouched, location, { recursive: true, preserveTimestamps: true });
	rmSync(join(location, file.path));
	const fail = (text) =>
		log.fail(`${copies ? "with" : "without"} copies, ${file.path}: ${text}`);
	log.count(file.kind);
	if (file.kind === "config" && !copies) {
		const { code } = await call(bench, ["verify"], fail);
		return log.expect(code === 10, `${file.path}: verify ended with ${code}`);
	}
	const before = await restoreAll(bench, fail);
	const isHurt = before.some(({ missing }) => missing > 0);
	if (isHurt) log.count("hurt");
	const { code } = await call(bench, ["verify", "--read-data"], fail);
	// A record that is gone leaves nothing behind that tells of it, but for its copy.
	const isTraceless = file.kind === "snapshots" && !copies;
	if (isHurt && code !== 4 && !isTraceless) fail(`verify ended with ${code}`);
	if (code !== 0 && code !== 4) fail(`verify ended with ${code}`);
	for (const words of [
		["repair", "packs", "--read-data"],
		["repair", "index"],
		["recover"],
		["repair", "snapshots", "--forget"],
	]) {
		const { code } = await call(bench, words, fail);
		if (code !== 0 && code !== 4) fail(`${words.join(" ")} ended with ${code}`);
	}
	const after = await restoreAll(bench, fail);
	after.forEach(({ missing }, i) => {
		if (missing > before[i].missing) fail("repair has cost something");
	});
	const end = await call(bench, ["gc", "--grace", "0"], fail);
	if (end.code !== 0) fail(`gc ended with ${end.code}`);
	const last = await call(bench, ["verify", "--read-data"], fail);
	if (last.code !== 0) fail(`the last verify ended with ${last.code}`);
}

async function call({ location }, words, fail) {
	const result = await run({ repository: location }, words);
	if (/this is a bug|\n {4}at /.test(result.stderr + result.stdout))
		fail(`${words.join(" ")}: ${result.stderr}`);
	return result;
}

/** Of each snapshot how many entries are missing: all of them if it is not listed any more. What is there is as it was. */
async function restoreAll(bench, fail) {
	const { place, source, taken } = bench;
	const results = [];
	for (const { id, account } of taken) {
		const target = join(place, "restored");
		const { code } = await call(bench, ["restore", id, "-t", target], fail);
		const actual =
			code === 1 || code === 2 ? new Map() : accountIn(join(target, source));
		let missing = 0;
		for (const [path, line] of account) {
			const there = actual.get(path);
			if (there === undefined) missing++;
			else if (!isAsItWas(there, line, account, actual))
				fail(`restored ${path} as ${there}, not as ${line}`);
		}
		const isRight =
			missing === 0 ? code === 0 : code === 4 || actual.size === 0;
		if (!isRight) fail(`restore ended with ${code}, and ${missing} missing`);
		rmSync(target, { recursive: true, force: true });
		results.push({ missing });
	}
	return results;
}

function accountIn(folder) {
	try {
		return accountOf(folder);
	} catch (error) {
		if (error.code === "ENOENT") return new Map();
		throw error;
	}
}

/** A further name of a file is a file of its own where the first one, or the table of hard links, is lost. */
function isAsItWas(there, line, account, actual) {
	if (there === line) return true;
	const first = / same as (.*)$/s.exec(line)?.[1];
	if (first === undefined) return false;
	return there === account.get(first) || !actual.has(first);
}
