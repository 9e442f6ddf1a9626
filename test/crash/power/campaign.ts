import { createHash } from "node:crypto";
import { seeded } from "../random.mjs";
import { type Aftermath, complaintsAbout } from "./checks.ts";
import { lossOf, type Random, UnsyncedDisk } from "./loss.ts";
import {
	type DiskImage,
	describeOperation,
	type Inode,
	type Operation,
} from "./operations.ts";
import { Recorder, type Recording } from "./recorder.ts";
import type { Scenario } from "./scenarios.ts";
import { hashOf } from "./sources.ts";

export interface Extent {
	readonly seed: number;
	/** Ways in which power is lost after each operation. */
	readonly variants: number;
	/** Syncs that are taken out: it is as if the store had left them out. For tests that the campaign would find that. */
	readonly without?:
		| ((recording: Recording) => (operation: Operation) => boolean)
		| undefined;
	/** Ends after so many complaints. */
	readonly enough?: number | undefined;
	/** Only after so many operations, the last ones. */
	readonly last?: number | undefined;
	/** Only one state of four is looked at further than verify and restores go, and of the 256 folders for packs each sixteenth counts. */
	readonly brief?: boolean | undefined;
}

export interface Account {
	readonly scenario: string;
	readonly operations: number;
	/** Losses drawn. */
	losses: number;
	/** Different disks among them, each looked at once. */
	states: number;
	readonly failures: string[];
}

/** Loses power after every operation of a scenario, in many ways, and looks what is left each time. */
export async function runScenario(
	scenario: Scenario,
	extent: Extent,
): Promise<Account> {
	using recorder = new Recorder(scenario.name);
	await scenario.run(
		recorder,
		seeded(seedOf(extent.seed, scenario.name, 0, 0)),
	);
	const recording = recorder.recording();
	return await loseAnywhere(recording, extent);
}

const all = Number.POSITIVE_INFINITY;

export async function loseAnywhere(
	recording: Recording,
	extent: Extent,
): Promise<Account> {
	const { scenario, operations } = recording;
	const { seed, variants, enough = all, last = all } = extent;
	const left = extent.without?.(recording) ?? (() => false);
	const account: Account = {
		scenario,
		operations: operations.length,
		losses: 0,
		states: 0,
		failures: [],
	};
	const seen = new Set<string>();
	const disk = new UnsyncedDisk(recording.base);
	for (let point = 0; point <= operations.length; point++) {
		const operation = operations[point - 1];
		if (operation !== undefined && !left(operation)) disk.apply(operation);
		if (extent.brief === true && isOneOfMany(operation)) continue;
		if (point <= operations.length - last) continue;
		for (let variant = 0; variant < variants; variant++) {
			const random = seeded(seedOf(seed, scenario, point, variant));
			const image = disk.afterLoss(lossOf(variant, random));
			account.losses++;
			const key = `${promisesAt(recording, point)} ${fingerprint(image)}`;
			if (seen.has(key)) continue;
			seen.add(key);
			account.states++;
			const force = random.below(4) === 0;
			const next = nextOf(random, extent);
			const aftermath = { image, point, force, next };
			const complaints = await complaintsAbout(aftermath, recording);
			const when = `${scenario}, seed ${seed}, after ${point} (${describeOperation(operation)}), loss ${variant}`;
			account.failures.push(...complaints.map((text) => `${when}: ${text}`));
			if (account.failures.length >= enough) return account;
		}
	}
	return account;
}

/** One of 256. */
function isOneOfMany(operation: Operation | undefined): boolean {
	return (
		operation?.type === "entries" &&
		operation.call === "mkdir" &&
		/packs\/.[1-9a-f]$/.test(operation.path)
	);
}

function nextOf(random: Random, { brief = false }: Extent): Aftermath["next"] {
	if (brief && random.below(4) > 0) return "nothing";
	return random.below(4) === 0 ? "gc" : "snapshot";
}

function seedOf(
	seed: number,
	scenario: string,
	point: number,
	variant: number,
): number {
	const text = `${seed} ${scenario} ${point} ${variant}`;
	return createHash("sha256").update(text).digest().readUInt32LE();
}

/** What is promised then: the same disk is looked at again where more is expected of it. */
function promisesAt(
	{ repositorySince, snapshots, labels, forgotten }: Recording,
	point: number,
): string {
	const bounds = [...snapshots, ...labels, ...forgotten].flatMap(
		({ since, until }) => [since, until ?? since],
	);
	return [repositorySince, ...bounds]
		.map((bound) => (point >= bound ? 1 : 0))
		.join("");
}

const hashes = new WeakMap<Uint8Array, string>();

/** The same for disks with the same names and bytes. */
function fingerprint(image: DiskImage): string {
	const parts: string[] = [];
	const enter = (inode: Inode) => {
		const node = image.nodes.get(inode);
		if (node instanceof Uint8Array) {
			const hash = hashes.get(node) ?? hashOf(node);
			hashes.set(node, hash);
			parts.push(hash);
		} else if (node !== undefined) {
			parts.push("(");
			for (const name of [...node.keys()].sort()) {
				parts.push(name);
				enter(node.get(name) as Inode);
			}
			parts.push(")");
		}
	};
	enter(image.root);
	return hashOf(Buffer.from(parts.join(" ")));
}
