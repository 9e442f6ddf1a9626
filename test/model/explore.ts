import type { FileKind } from "@varve/store";
import { judgeLoss, judgeWorld } from "./judge.ts";
import type { Process, Role, Step } from "./process.ts";
import {
	type InnerSwitch,
	type Switch,
	World,
	type WorldOptions,
} from "./world.ts";

export interface Shape extends WorldOptions {
	/** Processes that are killed, or taken for dead while they live, at most. */
	readonly faults?: number | undefined;
}

export interface Limits {
	/** Executions at most. */
	readonly executions: number;
	/** How often at most a process is left though it could go on; undefined for no limit. */
	readonly preemptions?: number | undefined;
	/** In each so many-th new state power is lost. */
	readonly powerEvery?: number | undefined;
	readonly off?: Switch | InnerSwitch | undefined;
}

export interface Found {
	readonly faults: readonly string[];
	readonly schedule: readonly string[];
	readonly log: readonly string[];
}

export interface Explored {
	executions: number;
	/** Executions that were judged at their end, which nobody had reached before. */
	ends: number;
	states: number;
	steps: number;
	/** States in which power was lost. */
	powerLosses: number;
	/** True if there was nothing left to explore. */
	exhausted: boolean;
	found: Found | undefined;
}

/** A process goes on by one step ("W"), is killed ("!W"), or is taken for dead by all others while it lives ("?W"). */
type Choice = string;

interface Position {
	readonly world: World;
	readonly schedule: Choice[];
	current: string;
	preemptions: number;
	faults: number;
}

/** Everything that can happen, depth first; states that were seen before are not gone through again. */
export async function explore(shape: Shape, limits: Limits): Promise<Explored> {
	const explored = nothing();
	const seen = new Set<string>();
	const open: Choice[][] = [[]];
	while (explored.found === undefined) {
		const prefix = open.pop();
		if (prefix === undefined) {
			explored.exhausted = true;
			break;
		}
		if (explored.executions >= limits.executions) break;
		explored.executions++;
		const position = await replay(shape, limits, prefix);
		explored.steps += prefix.length;
		for (;;) {
			const choices = choicesAt(position, shape, limits);
			if (choices.length > 1 || position.schedule.length === 0) {
				const key = `${await position.world.key()}${limits.preemptions === undefined ? "" : `${position.current} ${position.preemptions}`} ${position.faults}`;
				if (seen.has(key)) break;
				seen.add(key);
				explored.states++;
				if (await powerFails(position, { limits, explored })) break;
			}
			const [next, ...others] = choices;
			if (next === undefined) {
				const key = await position.world.key();
				if (seen.has(key)) break;
				seen.add(key);
				await end(position, shape, explored);
				break;
			}
			for (const other of others) open.push([...position.schedule, other]);
			await take(position, next);
			explored.steps++;
		}
	}
	return explored;
}

function nothing(): Explored {
	return {
		executions: 0,
		ends: 0,
		states: 0,
		steps: 0,
		powerLosses: 0,
		exhausted: false,
		found: undefined,
	};
}

/** Executions by chance, each with its own dislike of leaving a process that could go on. */
export async function wander(
	shape: Shape,
	{ seed, ...limits }: Limits & { readonly seed: number },
): Promise<Explored> {
	const explored = nothing();
	const seen = new Set<string>();
	const random = generator(seed);
	while (
		explored.found === undefined &&
		explored.executions < limits.executions
	) {
		explored.executions++;
		const position = await replay(shape, limits, []);
		const leaving = random() ** 2;
		const weights = new Map(
			position.world.processes.map(({ name }) => [name, random() ** 2 + 0.02]),
		);
		const faultShare = random() * 0.1;
		for (;;) {
			const choices = choicesAt(position, shape, limits);
			if (choices.length === 0) break;
			await take(position, pick(choices));
			explored.steps++;
			seen.add(await position.world.key());
			if (await powerFails(position, { limits, explored })) break;
		}
		if (explored.found === undefined) await end(position, shape, explored);

		function pick(choices: Choice[]): Choice {
			const faults = choices.filter((one) => /^[!?]/.test(one));
			if (faults.length > 0 && random() < faultShare)
				return faults[Math.floor(random() * faults.length)] as Choice;
			const plain = choices.filter((one) => !/^[!?]/.test(one));
			if (plain.includes(position.current) && random() > leaving)
				return position.current;
			let left =
				random() * plain.reduce((sum, one) => sum + (weights.get(one) ?? 1), 0);
			for (const one of plain) {
				left -= weights.get(one) ?? 1;
				if (left <= 0) return one;
			}
			return plain.at(-1) as Choice;
		}
	}
	explored.states = seen.size;
	return explored;
}

/** Mulberry32. */
function generator(seed: number): () => number {
	let state = seed | 0;
	return () => {
		state = (state + 0x6d2b79f5) | 0;
		let t = Math.imul(state ^ (state >>> 15), 1 | state);
		t = (t + Math.imul(t ^ (t >>> 7), 61 | t)) ^ t;
		return ((t ^ (t >>> 14)) >>> 0) / 4_294_967_296;
	};
}

/** The same execution again, up to where it is to go another way. */
export async function replay(
	shape: Shape,
	{ off }: Pick<Limits, "off">,
	prefix: readonly Choice[],
): Promise<Position> {
	const world = await World.start({ ...shape, off });
	const position: Position = {
		world,
		schedule: [],
		current: "",
		preemptions: 0,
		faults: 0,
	};
	for (const choice of prefix) await take(position, choice);
	return position;
}

async function take(position: Position, choice: Choice): Promise<void> {
	const { world } = position;
	position.schedule.push(choice);
	const name = choice.replace(/^[!?]/, "");
	const process = world.find(name);
	if (choice.startsWith("!")) {
		process.killed = true;
		position.faults++;
		return;
	}
	if (choice.startsWith("?")) {
		process.suspected = true;
		position.faults++;
		return;
	}
	const before = world.processes.find((one) => one.name === position.current);
	if (before !== undefined && before !== process && before.canGo)
		position.preemptions++;
	position.current = name;
	await world.go(process);
}

/** What may come next; the process that went last is the first of them. One step alone, if nothing that others do depends on it. */
function choicesAt(
	{ world, current, preemptions, faults }: Position,
	{ faults: most = 0 }: Shape,
	{ preemptions: bound }: Limits,
): Choice[] {
	const able = world.processes.filter((one) => one.canGo);
	const isCalm = faults >= most;
	const alone = able.find((one) => isPrivate(one, able, isCalm));
	if (alone !== undefined) return [alone.name];
	able.sort((a, b) => Number(b.name === current) - Number(a.name === current));
	const mayLeave =
		bound === undefined || preemptions < bound || able[0]?.name !== current;
	const steps = (mayLeave ? able : able.slice(0, 1)).map(({ name }) => name);
	return isCalm ? steps : [...steps, ...faultsAt(able)];
}

/** Where it makes a difference: a process is killed before it changes something, and taken for dead when another one looks at its lease. */
function faultsAt(able: readonly Process[]): Choice[] {
	const kills = able
		.filter(({ waiting: [step], steps }) => step && steps > 0 && isChange(step))
		.map(({ name }) => `!${name}`);
	const suspicions = able
		.filter(
			(one) =>
				!one.suspected &&
				one.lease !== "" &&
				able.some(
					({ waiting: [step] }) =>
						step?.verb === "read" &&
						step.kind === "leases" &&
						step.name.startsWith(one.lease),
				),
		)
		.map(({ name }) => `?${name}`);
	return [...kills, ...suspicions];
}

const isChange = ({ verb }: Step) =>
	verb === "put" || verb === "sync" || verb === "remove" || verb === "fence";

interface Footprint {
	readonly reads: readonly FileKind[];
	readonly writes: readonly FileKind[];
}

const copies = [
	"config",
	"copies/config",
	"copies/packs",
	"copies/snapshots",
	"quarantine",
] as const;

/** What the processes of a role ever look at and change. */
const footprints: Readonly<Record<Role, Footprint>> = {
	writer: {
		reads: ["snapshots", "leases", "gc", "segments", "packs", ...copies],
		writes: ["leases", "packs", "segments", "snapshots", ...copies],
	},
	gc: {
		reads: [
			"leases",
			"gc",
			"packs",
			"forgotten",
			"snapshots",
			"segments",
			"labels",
			"policies",
			...copies,
		],
		writes: [
			"leases",
			"gc",
			"packs",
			"forgotten",
			"snapshots",
			"segments",
			"labels",
			...copies,
		],
	},
	forget: {
		reads: ["snapshots", "labels", "forgotten", "leases", ...copies],
		writes: ["forgotten", "leases"],
	},
	unforget: {
		reads: ["snapshots", "gc", "forgotten", "leases"],
		writes: ["forgotten", "leases"],
	},
	reader: {
		reads: [
			"snapshots",
			"gc",
			"segments",
			"packs",
			"leases",
			"forgotten",
			...copies,
		],
		writes: ["leases"],
	},
	pin: {
		reads: ["snapshots", "labels", "forgotten", "leases", ...copies],
		writes: ["labels", "leases"],
	},
};

/** True if what the others do is the same whether this step comes before or after. */
function isPrivate(
	process: Process,
	able: readonly Process[],
	isCalm: boolean,
): boolean {
	const [step] = process.waiting;
	if (step === undefined) return false;
	const own = footprints[process.program.role];
	const { verb, kind } = step;
	if (verb === "fence" || verb === "sync") return false;
	if (kind === "") return process.program.role !== "reader";
	if (!(isChange(step) ? own.writes : own.reads).includes(kind))
		throw new Error(`${process.name} is not known to ${verb} ${kind}`);
	const others = able
		.filter((one) => one !== process)
		.map(({ program }) => footprints[program.role]);
	const isWritten = others.some(({ writes }) => writes.includes(kind));
	if (!isChange(step)) return !isWritten;
	const isRead = others.some(({ reads }) => reads.includes(kind));
	return isCalm && !process.suspected && !isRead && !isWritten;
}

async function end(
	position: Position,
	{ files }: Shape,
	explored: Explored,
): Promise<void> {
	explored.ends++;
	const faults = await judgeWorld(position.world, files);
	note(position, faults, explored);
}

interface Exploring {
	readonly limits: Limits;
	readonly explored: Explored;
}

/** True if there is something to tell. */
function note(
	position: Position,
	faults: readonly string[],
	explored: Explored,
): boolean {
	if (faults.length === 0) return false;
	explored.found = tell(position, faults);
	return true;
}

async function powerFails(
	position: Position,
	{ limits, explored }: Exploring,
): Promise<boolean> {
	const { powerEvery } = limits;
	if (powerEvery === undefined) return false;
	if ((explored.states + explored.steps) % powerEvery !== 0) return false;
	explored.powerLosses++;
	return note(position, await judgeLoss(position.world), explored);
}

function tell({ world, schedule }: Position, faults: readonly string[]): Found {
	const log = world.log.map(
		({ process, verb, kind, name, failed }) =>
			`${process} ${verb} ${kind} ${name.slice(0, 8)}${failed ? " (failed)" : ""}`,
	);
	return { faults, schedule, log };
}
