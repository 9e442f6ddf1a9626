// `kill -9` during a restore in place: --resume must end in what the snapshot holds, --abort in what was there before.
//
//   node test/crash/onto.mjs --seed 1 --kills 50 --files 20000
//   node test/crash/onto.mjs --kills 0 --calls 100 --files 20
//
// --kills   random moments, spread over the time that an undisturbed restore takes; each is resumed and aborted in turn
// --from    which share of that time is left out: the program starts and looks at first
// --calls   with strace: kills after each call of the system that changes something, by its name and up to this count
// --files   of the tree
// --large   files of 1 to 5 MiB in it
// --share   of the files that are changed, added or removed after the snapshot

import { spawnSync } from "node:child_process";
import { readdirSync, rmSync } from "node:fs";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";
import { campaign } from "./campaign.mjs";
import { must, mustSnapshot } from "./checks.mjs";
import { start } from "./program.mjs";
import { seeded } from "./random.mjs";
import { changeTree, growTree } from "./seeded-tree.mjs";
import { moments, placeIn, stopAfter } from "./stopped-runs.mjs";
import { accountOf, differences } from "./tree-account.mjs";

const defaults = {
	...{ kills: 20, from: 0.3, calls: 0 },
	...{ files: 2000, large: 4, share: 0.2 },
};
/** Calls that change the file system, as Node and the C library make them. */
const calls = [
	...["mkdir", "rename", "renameat2", "unlink", "rmdir", "openat", "write"],
	...["pwrite64", "fsync", "syncfs", "ftruncate", "chmod", "fchmod", "chown"],
	...["fchown", "utimensat", "link", "linkat", "symlink", "setxattr"],
];
const binary = fileURLToPath(
	new URL("../../packages/cli/bin/varve.js", import.meta.url),
);

await campaign("onto", defaults, async ({ options, folder, log }) => {
	const scene = await prepare({ options, folder, log });
	reset(scene);
	const began = performance.now();
	await must(log, scene.place, restoreOf(scene), { when: "undisturbed" });
	const milliseconds = performance.now() - began;
	mustHold(log, scene, scene.wanted, "undisturbed");
	const random = seeded(options.seed);
	const skipped = options.from * milliseconds;
	for (const moment of moments(random, options.kills, milliseconds - skipped))
		for (const ending of ["resume", "abort"])
			await killAfter({ scene, delay: skipped + moment, ending, log });
	for (const call of options.calls > 0 ? calls : [])
		for (const ending of ["resume", "abort"])
			await killAtCalls({ scene, call, ending, log, most: options.calls });
});

/** A tree, a snapshot of it, and what it became since, in a copy to begin from again. */
async function prepare({ options, folder, log }) {
	const { seed, files, large, share } = options;
	const place = placeIn(folder, "onto");
	await must(log, place, ["init"], { when: "at first" });
	const live = join(folder, "live");
	growTree(live, { seed, files, large });
	const { snapshot_id: id } = await mustSnapshot(log, place, live, "at first");
	const wanted = accountOf(live);
	changeTree(live, { seed: seed + 1, share });
	const left = accountOf(live);
	const copy = join(folder, "left");
	spawnSync("cp", ["-a", live, copy]);
	return { place, live, id, wanted, left, copy };
}

function restoreOf({ id }) {
	return ["restore", id, "--in-place", "--delete"];
}

/** What the tree had become, journals away. */
function reset({ live, copy }) {
	for (const path of [live, ...journalsOf(live)])
		rmSync(path, { recursive: true, force: true });
	spawnSync("cp", ["-a", copy, live]);
}

async function killAfter({ scene, delay, ending, log }) {
	reset(scene);
	const started = start(scene.place, restoreOf(scene));
	const { hit } = await stopAfter(started, delay, "SIGKILL");
	log.count(hit ? "killed" : "ended");
	const when = `killed after ${Math.round(delay)} ms, ${ending}`;
	await finish({ scene, ending, log, when });
}

async function killAtCalls({ scene, call, ending, log, most }) {
	for (let number = 1; number <= most; number++) {
		reset(scene);
		const { repository, cache } = scene.place;
		const inject = `inject=${call}:signal=SIGKILL:when=${number}`;
		const words = ["-f", "-qq", "-o", "/dev/null", "-e", `trace=${call}`];
		const { signal } = spawnSync("strace", [
			...[...words, "-e", inject, process.execPath, binary],
			...[...restoreOf(scene), "--workers", "0"],
			...["-r", repository, "--cache-dir", cache],
		]);
		if (signal === null) return;
		log.count("killedAtCalls");
		const when = `killed at ${call} ${number}, ${ending}`;
		await finish({ scene, ending, log, when });
	}
}

/** Folders of journals, which lie beside the tree. */
function journalsOf(live) {
	const beside = dirname(live);
	const names = readdirSync(beside);
	return names
		.filter((name) => name.startsWith(".varve-restore-"))
		.map((name) => join(beside, name));
}

/** The files that say how far a killed restore had come. */
function stateOf({ live }) {
	const names = journalsOf(live);
	const files = names.flatMap((name) => readdirSync(name));
	const said = ["over", "done", "journal", "begun"];
	return (
		said.find((s) => files.includes(s)) ?? (names.length > 0 ? "bare" : "")
	);
}

async function finish({ scene, ending, log, when }) {
	const { place, live, wanted, left } = scene;
	const state = stateOf(scene);
	log.count(`found ${state === "" ? "nothing" : state}`);
	if (state === "begun" || state === "journal")
		await must(log, place, ["restore", `--${ending}`, "-t", live], { when });
	else if (ending === "resume" && (state === "" || state === "bare"))
		await must(log, place, restoreOf(scene), { when });
	const isDone = ending === "resume" || state === "done" || state === "over";
	mustHold(log, scene, isDone ? wanted : left, when);
}

function mustHold(log, { live }, expected, when) {
	const found = accountOf(live);
	const differing = differences(expected, found);
	log.expect(
		differing.length === 0,
		() => `${when}: the tree differs: ${differing.join("; ")}`,
	);
}
