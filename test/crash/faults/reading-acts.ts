import { createHash } from "node:crypto";
import { mkdtempSync, rmSync } from "node:fs";
import { join } from "node:path";
import {
	diff,
	dump,
	type EntryProblem,
	listSnapshots,
	type Repository,
	restore,
	restoreOnto,
	type VerifyLevel,
	verify,
} from "@varve/core";
import { makeTree } from "@varve/testkit";
import { accountOf, differences, type TreeAccount } from "../tree-account.mjs";
import type { Act } from "./act.ts";
import type { World } from "./world.ts";

async function second(repository: Repository) {
	const [, snapshot] = await listSnapshots(repository);
	if (snapshot === undefined) throw new Error("no second snapshot");
	return snapshot;
}

/** In a folder of its own, which is gone afterwards. */
async function inFolder<T>(
	{ folder }: World,
	work: (target: string) => Promise<T>,
): Promise<T> {
	const target = mkdtempSync(join(folder, "target-"));
	try {
		return await work(target);
	} finally {
		rmSync(target, { recursive: true, force: true });
	}
}

/** What is not as it was taken and of which nothing was said. */
function unsaid(
	expected: TreeAccount,
	target: string,
	{ prefix, problems }: { prefix: string; problems: readonly EntryProblem[] },
): string[] {
	const told = new Set(problems.map(({ path }) => path));
	const isTold = (sentence: string) => {
		let path = `${prefix}${sentence.slice(0, sentence.indexOf(" is "))}`;
		for (; path !== ""; path = path.slice(0, path.lastIndexOf("/")))
			if (told.has(path)) return true;
		return false;
	};
	const found = differences(expected, accountOf(target), Infinity);
	return found.filter((sentence) => !isTold(sentence));
}

function verifying(level: VerifyLevel): Act {
	return {
		name: `verify, ${level}`,
		begin: ({ disk }) => disk.copy(),
		reads: true,
		async work(repository) {
			const { findings } = await verify(repository, { level });
			return findings
				.map(({ message }) => message)
				.filter((message) => !/E[A-Z]+\)|made to fail/.test(message))
				.map((message) => `verify found what is not there: ${message}`);
		},
	};
}

export const readingActs: readonly Act[] = [
	{
		name: "restore",
		begin: ({ disk }) => disk.copy(),
		reads: true,
		work: (repository, world) =>
			inFolder(world, async (target) => {
				const snapshot = await second(repository);
				const subpath = world.source;
				const options = { snapshot, subpath, target };
				const { problems } = await restore(repository, options);
				const prefix = world.source;
				return unsaid(world.account, target, { prefix, problems });
			}),
	},
	{
		name: "restore onto what is there",
		begin: ({ disk }) => disk.copy(),
		reads: true,
		work: (repository, world) =>
			inFolder(world, async (target) => {
				makeTree(target, { changed: "no more", extra: "one", sub: { a: "b" } });
				const snapshot = await second(repository);
				const { problems } = await restoreOnto(repository, {
					snapshot,
					subpath: world.source,
					target,
					delete: true,
				});
				const prefix = world.source;
				return unsaid(world.account, target, { prefix, problems });
			}),
	},
	verifying("structure"),
	verifying("data"),
	verifying("restore-sim"),
	verifying("scrub"),
	{
		name: "diff and dump",
		begin: ({ disk }) => disk.copy(),
		reads: true,
		async work(repository, world) {
			const [first, later] = await listSnapshots(repository);
			if (first === undefined || later === undefined) return ["none listed"];
			const changed: string[] = [];
			const sides = { from: { snapshot: first }, to: { snapshot: later } };
			for await (const item of diff(repository, sides))
				if (item.type === "change")
					changed.push(item.path.slice(world.source.length));
			const hash = createHash("sha256");
			const path = join(world.source, "sub");
			for await (const piece of dump(repository, later, {
				format: "tar",
				path,
			}))
				hash.update(piece);
			const answer = `${changed.sort()} ${hash.digest("hex")}`;
			return answerIs(world, answer);
		},
	},
];

const answers = new WeakMap<World, string>();

/** The first one is that of a run without faults. */
function answerIs(world: World, answer: string): string[] {
	const right = answers.get(world);
	if (right === undefined) answers.set(world, answer);
	return right === undefined || right === answer
		? []
		: [`the answer was ${answer} and not ${right}`];
}
