// Sources that change from snapshot to snapshot. Each series makes its first state in an empty directory, and every next one in place.
import { execFileSync, spawnSync } from "node:child_process";
import {
	appendFileSync,
	closeSync,
	cpSync,
	existsSync,
	mkdirSync,
	openSync,
	readdirSync,
	renameSync,
	rmSync,
	writeFileSync,
	writeSync,
} from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { makeHugeFile, makeMedia } from "../corpora/blocks.mjs";
import { whyNoDatabase } from "../corpora/database.mjs";
import { benchDirectory } from "../corpora/prepare.mjs";
import { fillRandom, mix, Random } from "../corpora/random.mjs";
import { fillText } from "../corpora/text.mjs";

const databaseProgram = fileURLToPath(
	new URL("../corpora/database.py", import.meta.url),
);
const MB = 1_000_000;
const SECTOR = 4096;

function text(length, seed) {
	const buffer = Buffer.allocUnsafe(length);
	fillText(buffer, { start: 0, end: length, random: new Random(seed) });
	return buffer;
}

/** A log that only grows. */
const log = {
	title: "a log that grows by 1 MB",
	steps: 20,
	begin: (root) => writeFileSync(join(root, "server.log"), text(100 * MB, 1)),
	step: (root, number) =>
		appendFileSync(join(root, "server.log"), text(MB, 100 + number)),
};

const imageBytes = 2 ** 29;

/** A disk image of a virtual machine, half text and half incompressible, with 1,000 sectors written at random places. */
const image = {
	title: "a disk image of 512 MiB, 1,000 writes of 4 KiB",
	steps: 10,
	begin: (root) => makeHugeFile(root, { size: imageBytes, seed: 1 }),
	step(root, number) {
		const random = new Random(mix(7, number));
		const sector = Buffer.allocUnsafe(SECTOR);
		const file = openSync(join(root, "huge.img"), "r+");
		for (let i = 0; i < 1000; i++) {
			const fill = i % 2 === 0 ? fillText : fillRandom;
			fill(sector, { start: 0, end: SECTOR, random });
			const at = random.below(imageBytes / SECTOR) * SECTOR;
			writeSync(file, sector, 0, SECTOR, at);
		}
		closeSync(file);
	},
};

const runDatabase = (verb, root, amount, seed) =>
	execFileSync("python3", [
		databaseProgram,
		...[verb, join(root, "app.sqlite"), `${amount}`, `${seed}`],
	]);

/** Rows updated and added, and now and then the whole file written anew in another order. */
const database = {
	title:
		"a database of 200 MB: 1,000 rows updated, 200 added, VACUUM each tenth",
	steps: 50,
	absent: whyNoDatabase,
	begin: (root) => runDatabase("make", root, 200 * MB, 1),
	step(root, number) {
		runDatabase("update", root, 1000, 10 + number);
		runDatabase("insert", root, 200, 1000 + number);
		if (number % 10 === 0) runDatabase("vacuum", root, 0, 0);
	},
};

/** New pictures beside the old ones. */
const media = {
	title: "pictures: 200 MB, then 20 MB more each time",
	steps: 3,
	begin: (root) => makeMedia(root, { size: 200 * MB, seed: 1 }),
	step(root, number) {
		const folder = join(root, `roll-${number}`);
		mkdirSync(folder);
		makeMedia(folder, { size: 20 * MB, seed: 100 + number });
	},
};

/** Releases of a command with many dependencies, most of which each release names exactly. */
const releases = ["17.0.0", "17.1.0", "17.2.0", "17.3.0", "18.0.0"];

/** The installed state of a release, made once. */
function installed(number) {
	const folder = join(benchDirectory(), "npm-series", `${number}`);
	if (existsSync(folder)) return folder;
	const partial = `${folder}.partial`;
	rmSync(partial, { recursive: true, force: true });
	mkdirSync(partial, { recursive: true });
	const name = `@angular/cli@${releases[number]}`;
	writeFileSync(join(partial, "package.json"), "{}\n");
	const options = ["--ignore-scripts", "--no-audit", "--no-fund", "--silent"];
	execFileSync("npm", ["install", name, ...options], {
		cwd: partial,
		stdio: ["ignore", "ignore", "inherit"],
	});
	renameSync(partial, folder);
	return folder;
}

function install(root, number) {
	for (const name of readdirSync(root))
		rmSync(join(root, name), { recursive: true });
	cpSync(installed(number), root, {
		recursive: true,
		preserveTimestamps: true,
		verbatimSymlinks: true,
	});
}

const npm = {
	title: "five releases of @angular/cli with all dependencies",
	steps: releases.length - 1,
	absent: () =>
		spawnSync("npm", ["--version"]).status === 0 ? undefined : "needs npm",
	begin: (root) => install(root, 0),
	step: install,
};

/** By name: a title, the number of states after the first, and how they are made. `absent` says why one cannot be had here. */
export const series = { log, image, database, media, npm };
