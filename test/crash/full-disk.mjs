// A repository on a disk that is too small. Needs to mount: without root it is skipped, which it says.
//
//   node test/crash/full-disk.mjs --seed 1 --disks 20 --files 5000
//
// --disks     disks of a size drawn by the seed, each full at another moment; every fourth one lacks file entries, not bytes
// --files     of the tree that does not fit
// --pack-mib  size of packs

import { spawnSync } from "node:child_process";
import { mkdirSync, rmSync } from "node:fs";
import { join } from "node:path";
import { initRepository } from "@varve/core";
import { campaign } from "./campaign.mjs";
import {
	leftovers,
	listIds,
	must,
	mustRestore,
	mustSnapshot,
	mustVerify,
} from "./checks.mjs";
import { describeEnd, run } from "./program.mjs";
import { seeded } from "./random.mjs";
import { growTree } from "./seeded-tree.mjs";
import { accountOf } from "./tree-account.mjs";

const defaults = { disks: 20, files: 3000, "pack-mib": 1 };
const mib = 2 ** 20;

await campaign("full-disk", defaults, async ({ options, folder, log }) => {
	const disk = join(folder, "disk");
	mkdirSync(disk);
	if (!mount(disk, ["size=1m"])) {
		log.count("skippedWithoutRoot");
		return;
	}
	unmount(disk);
	const random = seeded(options.seed);
	const trees = await growTrees({ options, folder, disk, log });
	for (let i = 0; i < options.disks; i++)
		await withDisk(disk, sizeOf(i, trees, random), (limit) =>
			fill({ disk, folder, limit, trees, options, log }),
		);
	await withDisk(disk, ["size=3m"], () =>
		fillCache({ folder, disk, trees, log }),
	);
	await withDisk(disk, ["size=3m"], () =>
		fillTarget({ folder, disk, trees, log }),
	);
});

function mount(folder, limits) {
	const words = ["-t", "tmpfs", "-o", limits.join(","), "varve-test", folder];
	return spawnSync("mount", words).status === 0;
}

function unmount(folder) {
	spawnSync("umount", [folder]);
}

async function withDisk(disk, limits, work) {
	mount(disk, limits);
	try {
		await work(limits);
	} finally {
		unmount(disk);
	}
}

/** A tree that fits, one that does not, and how much the second one takes beside the first. */
async function growTrees({ options, folder, disk, log }) {
	const small = join(folder, "small");
	const large = join(folder, "large");
	growTree(small, { seed: options.seed, files: 30, large: 1 });
	growTree(large, { seed: options.seed + 1, files: options.files, large: 6 });
	const trees = { small, large, bytes: 0, entries: 0 };
	await withDisk(disk, ["size=1g"], async () => {
		const place = await makeRepository(disk, folder, options);
		await mustSnapshot(log, place, small, "measured");
		const before = usage(disk);
		await mustSnapshot(log, place, large, "measured");
		const after = usage(disk);
		trees.before = before;
		trees.bytes = after.bytes - before.bytes;
		trees.entries = after.entries - before.entries;
	});
	return trees;
}

/** Bytes and entries in use. */
function usage(disk) {
	const { stdout } = spawnSync("df", ["--output=used,iused", "-B1", disk]);
	const [bytes, entries] = stdout.toString().split("\n")[1].trim().split(/\s+/);
	return { bytes: Number(bytes), entries: Number(entries) };
}

/** Room for the first snapshot and a part of the second, which itself needs room for a pack and its copy in the stage. */
function sizeOf(i, { before, bytes, entries }, random) {
	const share = random.fraction() * 0.95;
	if (i % 4 === 3)
		return [
			`size=1g`,
			`nr_inodes=${before.entries + 1 + Math.floor(share * (entries - 2))}`,
		];
	return [
		`size=${Math.ceil((before.bytes + share * bytes) / 4096) * 4096 + 8192}`,
	];
}

async function makeRepository(disk, folder, options) {
	const cache = join(folder, "cache");
	rmSync(cache, { recursive: true, force: true });
	const place = {
		repository: join(disk, "repository"),
		cache,
		scratch: folder,
	};
	const packBytes = options["pack-mib"] * mib;
	const repository = await initRepository({
		location: place.repository,
		parameters: { packBytes },
	});
	await repository.close();
	return place;
}

async function fill({ disk, folder, limit, trees, options, log }) {
	const when = `disk of ${limit.join(", ")}`;
	const place = await makeRepository(disk, folder, options);
	const first = await mustSnapshot(log, place, trees.small, when);
	if (first === undefined) return;
	const kept = {
		id: first.snapshot_id,
		source: trees.small,
		account: accountOf(trees.small),
	};
	const end = await run(place, ["snapshot", trees.large]);
	log.expect(end.code === 13, () => `${when}: ${describeEnd(end)}`);
	const left = leftovers(place);
	log.expect(left.length === 0, `${when}: it left ${left.join(", ")}`);
	const ids = await listIds(log, place, when);
	log.expect(
		ids.join() === kept.id,
		`${when}: ${ids.length} snapshots are listed`,
	);
	await mustVerify(log, place, when);
	await mustRestore(log, place, [kept], when);
	spawnSync("mount", ["-o", "remount,size=1g,nr_inodes=1m", disk]);
	const next = await mustSnapshot(
		log,
		place,
		trees.large,
		`${when}, then larger`,
	);
	if (next !== undefined) {
		const taken = {
			id: next.snapshot_id,
			source: trees.large,
			account: accountOf(trees.large),
		};
		await mustRestore(log, place, [kept, taken], `${when}, then larger`);
	}
	await mustVerify(log, place, `${when}, then larger`);
	log.count("disks");
	log.tell(
		`${when}: ended with ${end.code}, then stored ${next?.data_added_packed}`,
	);
}

/** A cache that cannot be written costs time and no snapshot. */
async function fillCache({ folder, disk, trees, log }) {
	const when = "cache on a full disk";
	spawnSync("dd", ["if=/dev/zero", `of=${join(disk, "rest")}`, "bs=64k"]);
	const place = {
		repository: join(folder, "elsewhere"),
		cache: join(disk, "cache"),
		scratch: folder,
	};
	await must(log, place, ["init"], { when });
	for (const source of [trees.small, trees.large]) {
		const next = await mustSnapshot(log, place, source, when);
		if (next === undefined) continue;
		const account = accountOf(source);
		await mustRestore(
			log,
			place,
			[{ id: next.snapshot_id, source, account }],
			when,
		);
	}
	await mustVerify(log, place, when);
	log.count("fullCaches");
}

/** A target without room: 13, before anything is written where that can be known. */
async function fillTarget({ folder, disk, trees, log }) {
	const when = "target on a full disk";
	const place = {
		repository: join(folder, "other"),
		cache: join(folder, "other.cache"),
		scratch: folder,
	};
	await must(log, place, ["init"], { when });
	await mustSnapshot(log, place, trees.large, when);
	await must(log, place, ["restore", "latest", "-t", join(disk, "target")], {
		when,
		code: 13,
	});
	await mustVerify(log, place, when);
	const left = leftovers(place);
	log.expect(left.length === 0, `${when}: it left ${left.join(", ")}`);
	log.count("fullTargets");
}
