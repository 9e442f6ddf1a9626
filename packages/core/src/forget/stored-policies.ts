import {
	type Bytes,
	CorruptError,
	decodePolicy,
	encodePolicy,
	InputError,
	isPolicyName,
	isVarveError,
	NotFoundError,
	type PolicyException,
	type Retention,
	type StoredPolicy,
	toHex,
	type VarveError,
} from "@varve/format";
import type { Stage } from "@varve/store";
import { isDamage } from "../damage.ts";
import { withLease } from "../lease.ts";
import type { Repository } from "../repository.ts";
import { settleSeen } from "../settle-seen.ts";
import { isEmptyPolicy, requireGroupField, requirePolicy } from "./policy.ts";

/** A file of a policy that cannot be read: nobody can tell whether it is the last of its name. */
export interface DamagedPolicy {
	readonly file: string;
	/** Of the policy. */
	readonly name: string;
	readonly cause: VarveError;
}

/** The policies kept in a repository, sorted by name. Each was stored whole: the last one of a name counts, if all of that name can be read. */
export async function listPolicies(repository: Repository): Promise<{
	readonly policies: readonly StoredPolicy[];
	readonly damaged: readonly DamagedPolicy[];
}> {
	const { last, damaged } = await readStored(repository);
	const unsure = new Set(damaged.map(({ name }) => name));
	const policies = [...last.values()]
		.map(({ stored }) => stored)
		.filter(({ name, retention }) => retention && !unsure.has(name))
		.sort((a, b) => (a.name < b.name ? -1 : 1));
	return { policies, damaged };
}

/** NotFoundError "NO_SUCH_POLICY" if there is none of this name, CorruptError "BAD_POLICY" if one of it cannot be read. */
export async function requireStoredPolicy(
	repository: Repository,
	name: string,
): Promise<Retention> {
	const { last, damaged } = await readStored(repository, name);
	const [first] = damaged;
	if (first !== undefined) throw badPolicy(first);
	const retention = last.get(name)?.stored.retention;
	if (retention === undefined) throw noSuchPolicy(name);
	return retention;
}

/** Keeps rules under a name, in place of those that have it; of these, what cannot be read goes to the quarantine. InputError "EMPTY_POLICY" or "BAD_POLICY" for what could not be applied. */
export async function setPolicy(
	repository: Repository,
	name: string,
	retention: Retention,
): Promise<StoredPolicy> {
	for (const field of retention.groupBy) requireGroupField(field);
	for (const { policy } of [retention, ...retention.exceptions])
		if (isEmptyPolicy(requirePolicy(policy)))
			throw new InputError(
				"EMPTY_POLICY",
				"a policy without a rule would keep nothing: say what to keep",
			);
	retention.exceptions.forEach(requireMeaning);
	return await store(repository, name, retention);
}

/** NotFoundError "NO_SUCH_POLICY" if there is none of this name. What cannot be read goes to the quarantine. */
export async function removePolicy(
	repository: Repository,
	name: string,
): Promise<void> {
	const { damaged } = await readStored(repository, name);
	await settleSeen(repository);
	if (damaged.length === 0) await requireStoredPolicy(repository, name);
	await store(repository, name, undefined);
}

/** An exception that means all snapshots is none. */
function requireMeaning({ hosts, paths, tags }: PolicyException): void {
	if (hosts === undefined && paths === undefined && tags === undefined)
		throw new InputError(
			"BAD_POLICY",
			"an exception says of which hosts, paths or tags it is one",
		);
}

async function store(
	repository: Repository,
	name: string,
	retention: Retention | undefined,
): Promise<StoredPolicy> {
	if (!isPolicyName(name))
		throw new InputError(
			"BAD_POLICY_NAME",
			`"${name}" names no policy: a name has letters, digits, - and _, at most 64, and begins with a letter or digit`,
		);
	const { backend, tools, clock, identity } = repository;
	const lease = { kind: "writer", snapshots: [], command: "policy" } as const;
	return await withLease(repository, lease, async (stage) => {
		const { last, damaged } = await readStored(repository, name);
		await settleSeen(repository);
		const before = last.get(name);
		const after = before === undefined ? 0 : Date.parse(before.stored.time) + 1;
		const stored: StoredPolicy = {
			name,
			// Later than what is there, also if the clock has gone back since.
			time: new Date(Math.max(clock.now(), after)).toISOString(),
			host: identity.host,
			user: identity.user,
			retention,
		};
		const bytes = encodePolicy(stored, (b) => tools.sha256Hex(b));
		const file = `${name}.${toHex(tools.random(16))}`;
		await stage.putBytes("policies", file, bytes, { exclusive: true });
		for (const { file: bad } of damaged)
			await backend.quarantine(stage, "policies", bad);
		return stored;
	});
}

/**
 * Deletes what a later policy of the same name has replaced. Only a gc may: it has a lease that no other gc has. One that cannot be read
 * leaves all of its name as they are.
 */
export async function dropReplaced(
	repository: Repository,
	stage: Stage,
): Promise<void> {
	const { backend } = repository;
	const files = (await backend.list("policies")).map(({ name }) => name);
	const names = files.map(nameIn);
	const twice = names.filter((one, i) => i > names.indexOf(one));
	for (const name of new Set(twice)) {
		const { last, damaged } = await readStored(repository, name);
		const kept = last.get(name)?.file;
		if (kept === undefined || damaged.length > 0) continue;
		for (const [i, file] of files.entries())
			if (names[i] === name && file !== kept)
				await backend.remove(stage, "policies", file);
	}
}

interface Last {
	readonly file: string;
	readonly stored: StoredPolicy;
}

interface Stored {
	/** By name. */
	readonly last: ReadonlyMap<string, Last>;
	readonly damaged: readonly DamagedPolicy[];
}

/** Of all, or of this name alone. */
async function readStored(
	repository: Repository,
	only?: string,
): Promise<Stored> {
	for (;;)
		try {
			return await readLast(repository, only);
		} catch (error) {
			// Replaced and deleted since it was listed: what replaced it may not have been there yet.
			if (!isVarveError(error) || error.code !== "NO_FILE") throw error;
		}
}

async function readLast(
	repository: Repository,
	only?: string,
): Promise<Stored> {
	const last = new Map<string, Last>();
	const damaged: DamagedPolicy[] = [];
	for (const { name: file } of await repository.backend.list("policies")) {
		const name = nameIn(file);
		if (only !== undefined && name !== only) continue;
		try {
			const stored = await readPolicy(repository, file);
			const other = last.get(name);
			if (other === undefined || isLater({ file, stored }, other))
				last.set(name, { file, stored });
		} catch (cause) {
			if (!isDamage(cause) || cause.code === "NO_FILE") throw cause;
			damaged.push({ file, name, cause });
		}
	}
	return { last, damaged };
}

async function readPolicy(
	{ backend, tools }: Repository,
	file: string,
): Promise<StoredPolicy> {
	const bytes = await backend.read("policies", file);
	return decodePolicyFile(file, bytes, (b) => tools.sha256Hex(b));
}

/** CorruptError if it is not what was stored under this name. */
export function decodePolicyFile(
	file: string,
	bytes: Bytes,
	sha256: (bytes: Bytes) => string,
): StoredPolicy {
	const stored = decodePolicy(bytes, sha256);
	if (stored.name === nameIn(file)) return stored;
	throw new CorruptError("BAD_NAME", `the policy ${file} is another one`);
}

/** Of the policy in a file. */
function nameIn(file: string): string {
	return file.slice(0, file.lastIndexOf("."));
}

function badPolicy({ file, name, cause }: DamagedPolicy): CorruptError {
	return new CorruptError(
		"BAD_POLICY",
		`the policy ${name} cannot be read, policies/${file}: ${cause.message}`,
		{ policy: name, file },
		{ cause },
	);
}

function isLater(a: Last, b: Last): boolean {
	const time = Date.parse(a.stored.time) - Date.parse(b.stored.time);
	return time > 0 || (time === 0 && a.file > b.file);
}

function noSuchPolicy(name: string): NotFoundError {
	return new NotFoundError(
		"NO_SUCH_POLICY",
		`there is no policy ${name} in the repository`,
		{ policy: name },
	);
}
