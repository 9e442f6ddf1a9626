// Bits flipped, files cut, overwritten, exchanged and deleted in a small repository, one at a time.
//
//   node test/crash/flip.mjs --seed 1 --places 1000 --wounds 200
//
// --places   random places at which one bit is flipped: half of them by byte, half by file and then by byte
// --wounds   coarser damage
// --files    of the tree; it is taken twice, with some changes between
//
// After each: `verify --read-data` names the file and the snapshots hurt, or nothing is hurt; a restore gives each file exactly
// as it was, or reports it and leaves it out; `--scrub` finds what is wrong in packs and decodes nothing.

import {
	copyFileSync,
	cpSync,
	mkdirSync,
	readdirSync,
	readFileSync,
	renameSync,
	rmdirSync,
	rmSync,
	truncateSync,
	writeFileSync,
} from "node:fs";
import { basename, dirname, join } from "node:path";
import {
	addTags,
	initRepository,
	isVarveError,
	listSnapshots,
	openRepository,
	restore,
	snapshot,
	verify,
} from "@varve/core";
import { encodeName, wholeScope } from "@varve/format";
import { campaign } from "./campaign.mjs";
import { seeded } from "./random.mjs";
import { filesIn } from "./repository-files.mjs";
import { changeTree, growTree } from "./seeded-tree.mjs";
import { accountOf } from "./tree-account.mjs";

const defaults = { places: 1000, wounds: 200, files: 60 };

await campaign("flip", defaults, async ({ options, folder, log }) => {
	const random = seeded(options.seed);
	const good = await prepare(folder, options);
	const bench = { good, folder, log, location: join(folder, "repository") };
	await examine(bench, { what: "nothing", file: undefined, harmless: true });
	for (let i = 0; i < options.places; i++)
		await examine(bench, flipBit(bench, random, i % 2 === 0));
	for (let i = 0; i < options.wounds; i++)
		await examine(bench, wound(bench, random));
});

/** A repository with two snapshots that share most of their content, a label, and what the snapshots are of. */
async function prepare(folder, { seed, files }) {
	const location = join(folder, "repository");
	const source = join(folder, "source");
	const parameters = { packBytes: 2 ** 17, frameBytes: 2 ** 15 };
	const repository = await initRepository({ location, parameters, workers: 0 });
	growTree(source, { seed, files, large: 1 });
	const first = await take(repository, source);
	changeTree(source, { seed: seed + 1, share: 0.3 });
	const second = await take(repository, source);
	await addTags(repository, [first.id], ["kept"]);
	await repository.close();
	dropEmptyPackFolders(location);
	const untouched = join(folder, "untouched");
	cpSync(location, untouched, { recursive: true, preserveTimestamps: true });
	return { untouched, source, wanted: [first, second] };
}

/** Each costs every listing a call, and nothing needs those that are empty. */
function dropEmptyPackFolders(location) {
	const packs = join(location, "packs");
	for (const name of readdirSync(packs))
		if (readdirSync(join(packs, name)).length === 0)
			rmdirSync(join(packs, name));
}

async function take(repository, path) {
	const { id } = await snapshot(repository, {
		roots: [{ path, kind: "directory", names: [] }],
		scope: wholeScope,
	});
	return { id, account: accountOf(path) };
}

/** Flips one bit; what that is called, the file, and whether nothing depends on it. */
function flipBit({ location }, random, byByte) {
	const files = filesIn(location);
	const file = byByte ? pickByByte(files, random) : random.pick(files);
	const bytes = readFileSync(join(location, file.path));
	const at = random.below(bytes.length);
	bytes[at] ^= 1 << random.below(8);
	writeFileSync(join(location, file.path), bytes);
	return {
		what: `bit flipped at ${at} of ${bytes.length} in ${file.path}`,
		file,
		at,
		harmless: file.kind === "reserve",
	};
}

/** By length, but for the reserve, whose MiB of zeros would draw most. */
function pickByByte(files, random) {
	const drawn = files.filter(({ kind }) => kind !== "reserve");
	let at = random.below(drawn.reduce((sum, { size }) => sum + size, 0));
	for (const file of drawn) {
		if (at < file.size) return file;
		at -= file.size;
	}
}

/** Coarser damage of a random kind to a random file. */
function wound({ location }, random) {
	const files = filesIn(location).filter(({ size }) => size > 0);
	const file = random.pick(files);
	const path = join(location, file.path);
	const harmless = file.kind === "reserve";
	const kinds = { cut, empty, remove, lengthen, blank, exchange };
	const name = random.pick(Object.keys(kinds));
	const detail = kinds[name]({ path, file, files, location, random });
	return { what: `${name} ${file.path} ${detail}`, file, name, harmless };
}

function cut({ path, file, random }) {
	const length = random.below(file.size);
	truncateSync(path, length);
	return `to ${length} of ${file.size}`;
}

function empty({ path }) {
	truncateSync(path, 0);
	return "";
}

function remove({ path }) {
	rmSync(path);
	return "";
}

function lengthen({ path, file, random }) {
	const more = random.bytes(1 + random.below(1000));
	writeFileSync(path, more, { flag: "a" });
	return `from ${file.size} by ${more.length}`;
}

/** Zeros over a part, as a lost block reads. */
function blank({ path, random }) {
	const bytes = readFileSync(path);
	const at = random.below(bytes.length);
	bytes.fill(0, at, Math.min(at + 4096, bytes.length));
	writeFileSync(path, bytes);
	return `from ${at}`;
}

/** Another file's content under this name. */
function exchange({ path, file, files, location, random }) {
	const alike = files.filter(({ kind }) => kind === file.kind);
	const other = random.pick(alike.length > 1 ? alike : files);
	copyFileSync(join(location, other.path), `${path}.new`);
	renameSync(`${path}.new`, path);
	return `with ${other.path}`;
}

/** Checks a damaged repository by all means, and mends it. */
async function examine(bench, damage) {
	const { good, log, location } = bench;
	const complaints = await complaintsAbout(bench, damage);
	for (const complaint of complaints) log.fail(`${damage.what}: ${complaint}`);
	log.count(damage.file?.kind ?? "undamaged");
	if (damage.file === undefined) return;
	const { path } = damage.file;
	mkdirSync(dirname(join(location, path)), { recursive: true });
	cpSync(join(good.untouched, path), join(location, path));
}

async function complaintsAbout(bench, damage) {
	const { good, location, log } = bench;
	const isSame = damage.file !== undefined && isUnchanged(bench, damage.file);
	if (isSame) log.count("changedNothing");
	let repository;
	try {
		repository = await openRepository({ location, workers: 0 });
	} catch (error) {
		return complaintsOfRefusal(error, damage);
	}
	try {
		const known = await snapshotsNow(repository);
		const restored = [];
		for (const wanted of good.wanted)
			restored.push(await restoreOne(bench, repository, known, wanted));
		const report = await verify(repository, { level: "data" });
		const scrub = await verify(repository, { level: "scrub" });
		const facts = { report, scrub, restored };
		return [
			...restored.flatMap(({ complaints }) => complaints),
			...complaintsOfVerify(
				{ ...damage, harmless: damage.harmless || isSame },
				facts,
				log,
			),
		];
	} catch (error) {
		return [`ended with ${error.stack}`];
	} finally {
		await repository.close();
	}
}

function isUnchanged({ good, location }, { path }) {
	try {
		return readFileSync(join(location, path)).equals(
			readFileSync(join(good.untouched, path)),
		);
	} catch (error) {
		if (error.code === "ENOENT") return false;
		throw error;
	}
}

/** Without its config a repository does not open, and says why. */
function complaintsOfRefusal(error, { file }) {
	if (file?.kind !== "config") return [`does not open: ${error.stack}`];
	if (!isVarveError(error)) return [`refuses with ${error.stack}`];
	return /config|repository/.test(error.message)
		? []
		: [`the refusal does not name the config: ${error.message}`];
}

/** By id; an error if they cannot be listed, which is one that names what is damaged. */
async function snapshotsNow(repository) {
	const snapshots = await listSnapshots(repository);
	return new Map(snapshots.map((each) => [each.id, each]));
}

/** Restores one snapshot: what is there is as it was, and what is not is reported. */
async function restoreOne(
	{ folder, good },
	repository,
	known,
	{ id, account },
) {
	const short = id.slice(0, 8);
	const listed = known.get(id);
	if (listed === undefined)
		return { id, listed: false, hurt: [], complaints: [] };
	const target = join(folder, "restored");
	try {
		const report = await restore(repository, { snapshot: listed, target });
		const { source } = good;
		const actual = accountOf(join(target, source));
		const hurt = report.problems
			.filter(({ kind }) => kind === "damaged")
			.map(({ path }) => path);
		const complaints = wrongEntries({ account, actual, report, source });
		return {
			id,
			listed: true,
			hurt,
			complaints: complaints.map((c) => `restored ${short}: ${c}`),
		};
	} catch (error) {
		if (isVarveError(error) && error.name === "CorruptError")
			return { id, listed: true, hurt: ["/"], complaints: [] };
		return {
			id,
			listed: true,
			hurt: [],
			complaints: [`restore of ${short} ended with ${error.stack}`],
		};
	} finally {
		rmSync(target, { recursive: true, force: true });
	}
}

/** Sentences about entries that are not as they were; what is absent must be reported, or lie in what is. */
function wrongEntries({ account, actual, report, source }) {
	const reported = report.problems.map(({ path }) => latin(path, source));
	const isReported = (path) =>
		reported.some((each) => path === each || path.startsWith(`${each}/`));
	const unlinked = report.notes.some((note) => /hard links/.test(note));
	const wrong = [];
	for (const [path, line] of account) {
		const there = actual.get(path);
		if (
			there !== undefined &&
			!isAsItWas(there, line, { account, actual, unlinked })
		)
			wrong.push(`${path} is ${there} instead of ${line}`);
		else if (there === undefined && !isReported(path))
			wrong.push(`${path} is missing, and not reported`);
	}
	for (const path of actual.keys())
		if (!account.has(path)) wrong.push(`${path} is one too many`);
	return wrong.slice(0, 5);
}

/** The path of a message, below the source, as accounts have it. */
function latin(path, source) {
	return Buffer.from(encodeName(path.slice(source.length))).toString("latin1");
}

/**
 * A further name of a file is a file of its own where the first one is lost, or where the table of hard links is damaged, which a
 * note says.
 */
function isAsItWas(there, line, { account, actual, unlinked }) {
	if (there === line) return true;
	const first = / same as (.*)$/s.exec(line)?.[1];
	const isFirst = unlinked || !actual.has(first);
	return isFirst && first !== undefined && there === account.get(first);
}

/** What verify must say: never less than what a restore met, and the file if anything was changed that matters. */
function complaintsOfVerify(damage, { report, scrub, restored }, log) {
	const { file, harmless, name } = damage;
	const complaints = [];
	const isNamed = ({ findings }) =>
		findings.some((finding) => namesFile(finding, file));
	const isGone =
		name === "remove" &&
		(["snapshots", "labels", "segments"].includes(file?.kind) ||
			file?.kind.startsWith("copies/"));
	if (harmless && report.findings.length > 0)
		complaints.push(`found ${report.findings[0].message}`);
	if (!harmless && !isGone && !isNamed(report))
		complaints.push(`--read-data does not name it: ${messagesOf(report)}`);
	if (!harmless && !isGone && file.kind === "packs" && !isNamed(scrub))
		complaints.push(`--scrub does not name it: ${messagesOf(scrub)}`);
	if (scrub.frames > 0) complaints.push("--scrub decoded frames");
	for (const { id, listed, hurt } of restored) {
		const told = report.findings.filter(({ snapshots }) =>
			snapshots.includes(id),
		);
		if ((hurt.length > 0 || !listed) && told.length === 0 && !isGone)
			complaints.push(
				`${id.slice(0, 8)} is hurt, but not named: ${messagesOf(report)}`,
			);
		if (hurt.length > 0) log.count("hurtRestores");
		complaints.push(...untoldPaths(hurt, told));
		if (hurt.length === 0 && told.some(isOfContent)) log.count("toldTooMuch");
	}
	return complaints;
}

/** Names content; the loss of a scan state costs none. */
function isOfContent({ hurt }) {
	return hurt.some(({ what }) => what === "file" || what === "directory");
}

/** Paths that a restore reported damaged and verify did not. */
function untoldPaths(hurt, told) {
	const named = told.flatMap((finding) => finding.hurt.map(({ path }) => path));
	const isTold = (path) =>
		named.some(
			(each) =>
				path === each ||
				path.startsWith(`${each}/`) ||
				each.startsWith(`${path}/`),
		);
	if (
		told.some(
			(finding) => finding.hurt.length === 0 && finding.code === "BAD_SNAPSHOT",
		)
	)
		return [];
	const untold = hurt.filter((path) => !isTold(path));
	return untold.length === 0
		? []
		: [`a restore lacks ${untold[0]}, which verify does not name`];
}

function namesFile({ file, message }, { kind, path }) {
	return (
		file?.kind === kind &&
		file.name === basename(path) &&
		message.includes(basename(path))
	);
}

function messagesOf({ findings }) {
	return (
		findings.map(({ code, message }) => `${code} ${message}`).join("; ") ||
		"no finding"
	);
}
