// The client's cache deleted, emptied, damaged, or taken from another moment: every command gives the same answers.
//
//   node test/crash/cache.mjs --seed 1 --wounds 200 --commands 9
//
// --wounds    times one file of the cache is cut, flipped, emptied, removed, blanked or set back, beside the states of the whole
// --commands  commands tried after each, each with a fresh copy of that cache: those that come first in an order by the seed
// --files     of the tree

import {
	cpSync,
	lstatSync,
	mkdirSync,
	readdirSync,
	readFileSync,
	rmSync,
	truncateSync,
	writeFileSync,
} from "node:fs";
import { join } from "node:path";
import { campaign } from "./campaign.mjs";
import {
	copyPlace,
	must,
	mustRestore,
	mustSnapshot,
	mustVerify,
	removePlace,
} from "./checks.mjs";
import { describeEnd, run, summaryOf } from "./program.mjs";
import { seeded } from "./random.mjs";
import { changeTree, growTree } from "./seeded-tree.mjs";
import { accountOf } from "./tree-account.mjs";

const defaults = { wounds: 200, commands: 9, files: 600 };

/** The commands, by what they answer. */
const commands = [
	"snapshots",
	"ls",
	"find",
	"history",
	"show",
	"checksums",
	"verify",
	"restore",
	"snapshot",
];

/** What may have become of a whole cache: changes it, given where it lies. */
const wholeStates = {
	"as it was": () => {},
	deleted: (cache) => rmSync(cache, { recursive: true }),
	emptied: (cache) => {
		rmSync(cache, { recursive: true });
		mkdirSync(cache);
	},
	"with all files empty": (cache) => {
		for (const path of filesBelow(cache)) truncateSync(path, 0);
	},
	"from an older moment": (cache, { older }) => {
		rmSync(cache, { recursive: true });
		cpSync(older, cache, { recursive: true });
	},
	"of another repository under this one's id": (cache, { another }) => {
		const [id] = readdirSync(cache);
		const [other] = readdirSync(another);
		rmSync(join(cache, id), { recursive: true });
		cpSync(join(another, other), join(cache, id), { recursive: true });
	},
	"with an older index beside a new scan state": (cache, { older }) => {
		const [id] = readdirSync(cache);
		rmSync(join(cache, id, "index"), { recursive: true });
		cpSync(join(older, id, "index"), join(cache, id, "index"), {
			recursive: true,
		});
	},
	"with older files in between": (cache, { older }) => {
		for (const path of filesBelow(older))
			cpSync(path, join(cache, path.slice(older.length)));
	},
	"a file in place of a folder": (cache) => {
		rmSync(cache, { recursive: true });
		writeFileSync(cache, "not a folder");
	},
};

await campaign("cache", defaults, async ({ options, folder, log }) => {
	const random = seeded(options.seed);
	const base = await prepare({ options, folder, log });
	const answers = await answersOf({
		base,
		place: base.bare,
		names: commands,
		log,
	});
	const states = Object.entries(wholeStates);
	for (let i = 0; i < states.length + options.wounds; i++) {
		const names = shuffled(commands, random).slice(0, options.commands);
		const [what, change] = states[i] ?? wound(base, random);
		await compare({ base, answers, what, change, names, log });
	}
	await setRepositoryBack(base, log);
});

/** A repository with three snapshots of a tree that changed, the cache after the first and after the third, and no cache. */
async function prepare({ options, folder, log }) {
	const { seed, files } = options;
	const place = placeIn(folder, "base");
	const source = join(folder, "source");
	growTree(source, { seed, files });
	await must(log, place, ["init"], { when: "at first" });
	await mustSnapshot(log, place, source, "first");
	const older = join(folder, "older.cache");
	cpSync(place.cache, older, { recursive: true });
	const olderRepository = copyPlace(place, placeIn(folder, "older"));
	for (const i of [1, 2]) {
		changeTree(source, { seed: seed + i, share: 0.2 });
		await mustSnapshot(log, place, source, "later");
	}
	const another = await makeAnother(folder, log);
	const bare = { ...place, cache: undefined };
	changeTree(source, { seed: seed + 3, share: 0.2 });
	return {
		folder,
		place,
		bare,
		older,
		olderRepository,
		another,
		source,
		account: accountOf(source),
	};
}

/** A cache of another repository. */
async function makeAnother(folder, log) {
	const place = placeIn(folder, "another");
	const source = join(folder, "another.source");
	growTree(source, { seed: 99, files: 50, large: 1 });
	await must(log, place, ["init"], { when: "another" });
	await mustSnapshot(log, place, source, "another");
	return place.cache;
}

function placeIn(folder, name) {
	return {
		repository: join(folder, `${name}.repository`),
		cache: join(folder, `${name}.cache`),
		scratch: folder,
	};
}

function filesBelow(folder) {
	return readdirSync(folder, { withFileTypes: true, recursive: true })
		.filter((entry) => entry.isFile())
		.map((entry) => join(entry.parentPath, entry.name))
		.sort();
}

/** One thing done to one file, drawn by the seed: what to call it, and what does it to any copy. */
function wound({ place, older }, random) {
	const path = random.pick(filesBelow(place.cache)).slice(place.cache.length);
	const { size } = lstatSync(join(place.cache, path));
	const at = random.below(size + 1);
	const kinds = {
		cut: (file) => truncateSync(file, at),
		removed: (file) => rmSync(file),
		flipped: (file) =>
			rewrite(file, (bytes) => {
				if (at < size) bytes[at] ^= 1 << (at & 7);
			}),
		blanked: (file) =>
			rewrite(file, (bytes) => bytes.fill(0, at, Math.min(at + 512, size))),
		lengthened: (file) => writeFileSync(file, "more", { flag: "a" }),
		"set back": (file) => cpSync(join(older, path), file),
	};
	const names = Object.keys(kinds).filter(
		(name) =>
			name !== "set back" || filesBelow(older).includes(join(older, path)),
	);
	const kind = random.pick(names);
	const change = (cache) => kinds[kind](join(cache, path));
	return [`with ${path} ${kind} at ${at} of ${size}`, change];
}

function rewrite(file, change) {
	const bytes = readFileSync(file);
	change(bytes);
	writeFileSync(file, bytes);
}

function shuffled(list, random) {
	return list
		.map((item) => ({ item, rank: random.fraction() }))
		.sort((a, b) => a.rank - b.rank)
		.map(({ item }) => item);
}

/** The same commands on the same repository with a changed copy of its cache. */
async function compare({ base, answers, what, change, names, log }) {
	for (const name of names) {
		const cache = join(base.folder, "changed.cache");
		cpSync(base.place.cache, cache, { recursive: true });
		change(cache, base);
		const place = { ...base.place, cache };
		const [answer] = await answersOf({ base, place, names: [name], log, what });
		const expected = answers[commands.indexOf(name)];
		log.expect(
			answer === expected,
			() =>
				`cache ${what}: ${name} answers ${firstDifference(answer, expected)}`,
		);
		rmSync(cache, { recursive: true, force: true });
		log.count("answers");
	}
	log.count("caches");
}

function firstDifference(answer = "", expected = "") {
	const lines = answer.split("\n");
	const wanted = expected.split("\n");
	const i = wanted.findIndex((line, index) => line !== lines[index]);
	return `${lines[i] ?? "less"} instead of ${wanted[i] ?? "less"}`.slice(
		0,
		500,
	);
}

async function answersOf({ base, place, names, log, what = "none" }) {
	const answers = [];
	for (const name of names) {
		const when = `cache ${what}`;
		if (name === "snapshot")
			answers.push(await answerOfSnapshot({ base, place, log, when }));
		else if (name === "restore")
			answers.push(await answerOfRestore({ base, place, log, when }));
		else answers.push(await answerOf({ base, place, name, log, when }));
	}
	return answers;
}

async function answerOf({ base, place, name, log, when }) {
	const { source } = base;
	const words = {
		snapshots: ["snapshots"],
		ls: ["ls", "latest", "--recursive"],
		find: ["find", "file-1*"],
		history: ["history", join(source, "second name")],
		show: ["show", "latest~2"],
		checksums: ["checksums", "latest"],
		verify: ["verify", "--read-data"],
	}[name];
	const end = await must(log, place, words, { when });
	if (end === undefined) return undefined;
	if (end.messages.some(({ message_type: type }) => type === "warning"))
		log.count("answersWithWarning");
	return plain(end.messages);
}

/** Messages without what is never the same twice, and without warnings: that a cache is made anew is told. */
function plain(messages) {
	return messages
		.filter(({ message_type: type }) => !/^(status|warning)$/.test(type))
		.map(({ seconds_elapsed: _, oldest_proof: __, ...message }) =>
			JSON.stringify(message),
		)
		.join("\n");
}

async function answerOfRestore({ base, place, log, when }) {
	const target = join(base.folder, "restored");
	const end = await must(log, place, ["restore", "latest", "-t", target], {
		when,
	});
	const lines =
		end &&
		[...accountOf(target)]
			.filter(([path]) => path.startsWith(base.source))
			.map((entry) => entry.join(" "));
	rmSync(target, { recursive: true, force: true });
	return lines?.join("\n");
}

/** What a snapshot adds, and that it can be restored. Taken in a copy, for it changes the repository. */
async function answerOfSnapshot({ base, place, log, when }) {
	const { folder, source, account } = base;
	const names = placeIn(folder, "copy");
	const copy = copyPlace(
		{ ...place, cache: undefined },
		{ ...names, cache: place.cache },
	);
	const end = await run(copy, ["snapshot", source]);
	if (!log.expect(end.code === 0, () => `${when}: ${describeEnd(end)}`))
		return undefined;
	const {
		data_blobs: blobs,
		data_added: bytes,
		snapshot_id: id,
	} = summaryOf(end);
	await mustVerify(log, copy, when);
	await mustRestore(log, copy, [{ id, source, account }], when);
	rmSync(names.repository, { recursive: true });
	return `${blobs} chunks of ${bytes} bytes`;
}

/** The repository set back to a copy of it, the cache not: what it knows of is not there any more. */
async function setRepositoryBack(
	{ folder, place, olderRepository, source, account },
	log,
) {
	const when = "repository set back";
	const cache = join(folder, "newer.cache");
	cpSync(place.cache, cache, { recursive: true });
	const back = { ...olderRepository, cache };
	const next = await mustSnapshot(log, back, source, when);
	if (next !== undefined)
		await mustRestore(
			log,
			back,
			[{ id: next.snapshot_id, source, account }],
			when,
		);
	await mustVerify(log, back, when);
	removePlace(back);
}
