// What must hold of a repository whatever happened to those who wrote to it.

import { spawnSync } from "node:child_process";
import { cpSync, lstatSync, readdirSync, rmSync } from "node:fs";
import { join } from "node:path";
import { describeEnd, run, summaryOf } from "./program.mjs";
import { accountOf, differences } from "./tree-account.mjs";

/**
 * A copy of a repository and its cache. Files of a repository are never written to again, so that names suffice; those of the
 * cache are.
 */
export function copyPlace(from, to) {
	const linked = spawnSync("cp", ["-al", from.repository, to.repository]);
	if (linked.status !== 0)
		cpSync(from.repository, to.repository, {
			recursive: true,
			preserveTimestamps: true,
		});
	if (from.cache !== undefined)
		cpSync(from.cache, to.cache, { recursive: true });
	return to;
}

export function removePlace({ repository, cache }) {
	for (const folder of [repository, cache])
		if (folder !== undefined) rmSync(folder, { recursive: true, force: true });
}

/** Runs a command that must end with `code`; undefined if it does not, which fails the campaign. */
export async function must(log, place, args, { code = 0, when = "" } = {}) {
	const end = await run(place, args);
	const held = log.expect(
		end.code === code,
		() => `${when}: ${describeEnd(end)}`,
	);
	return held ? end : undefined;
}

/** `verify --read-data` finds nothing. */
export async function mustVerify(log, place, when) {
	return must(log, place, ["verify", "--read-data"], { when });
}

/** Snapshots restore to what they were made of. `wanted`: id, path of the source, account of it. */
export async function mustRestore(log, place, wanted, when) {
	for (const { id, source, account } of wanted) {
		const target = join(place.scratch, `restored-${id.slice(0, 8)}`);
		const end = await must(log, place, ["restore", id, "-t", target], { when });
		if (end !== undefined) {
			const found = differences(account, accountOf(join(target, source)));
			log.expect(
				found.length === 0,
				() =>
					`${when}: restored ${id.slice(0, 8)} differs: ${found.join("; ")}`,
			);
		}
		rmSync(target, { recursive: true, force: true });
	}
}

/** Ids of the snapshots listed, oldest first. */
export async function listIds(log, place, when) {
	const end = await must(log, place, ["snapshots"], { when });
	return (end?.messages ?? [])
		.filter(({ message_type: type }) => type === "snapshot")
		.map(({ id }) => id);
}

/** Stages and leases that are there now. */
export function leftovers({ repository }) {
	return [
		...namesIn(join(repository, "tmp")),
		...namesIn(join(repository, "leases")),
	];
}

/**
 * Nothing of a run that was killed is left. What cannot be judged yet, and only counts, are stages whose run died before it had its
 * lease or after it had given it back; `before` is what was left before the run that clears.
 */
export function mustBeClear(log, place, before, when) {
	const leased = before.flatMap((name) => name.split(".").slice(0, -1));
	for (const name of leftovers(place))
		if (before.includes(name) && !name.includes(".") && !leased.includes(name))
			log.count("stagesWithoutLease");
		else log.fail(`${when}: left for good: ${name}`);
}

/** Names and sizes of the packs. */
export function packsOf({ repository }) {
	const packs = new Map();
	const top = join(repository, "packs");
	for (const folder of namesIn(top))
		for (const name of namesIn(join(top, folder)))
			packs.set(name, lstatSync(join(top, folder, name)).size);
	return packs;
}

export function namesIn(folder) {
	try {
		return readdirSync(folder);
	} catch (error) {
		if (error.code === "ENOENT") return [];
		throw error;
	}
}

/** Takes a snapshot that must succeed; its summary. */
export async function mustSnapshot(log, place, source, when, flags = []) {
	const end = await must(log, place, ["snapshot", source, ...flags], { when });
	return end === undefined ? undefined : summaryOf(end);
}
