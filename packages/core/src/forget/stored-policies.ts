import {
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
} from "@varve/format";
import type { Stage } from "@varve/store";
import { withLease } from "../lease.ts";
import type { Repository } from "../repository.ts";
import { isEmptyPolicy, requireGroupField, requirePolicy } from "./policy.ts";

/** The policies kept in a repository, sorted by name. Each was stored whole: the last one of a name counts. */
export async function listPolicies(
	repository: Repository,
): Promise<StoredPolicy[]> {
	const last = await lastOfEach(repository);
	return [...last.values()]
		.map(({ stored }) => stored)
		.filter(({ retention }) => retention !== undefined)
		.sort((a, b) => (a.name < b.name ? -1 : 1));
}

/** NotFoundError "NO_SUCH_POLICY" if there is none of this name. */
export async function requireStoredPolicy(
	repository: Repository,
	name: string,
): Promise<Retention> {
	const last = await lastOfEach(repository, name);
	const retention = last.get(name)?.stored.retention;
	if (retention === undefined) throw noSuchPolicy(name);
	return retention;
}

/** Keeps rules under a name, in place of those that have it. InputError "EMPTY_POLICY" or "BAD_POLICY" for what could not be applied. */
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

/** NotFoundError "NO_SUCH_POLICY" if there is none of this name. */
export async function removePolicy(
	repository: Repository,
	name: string,
): Promise<void> {
	await requireStoredPolicy(repository, name);
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
	const { tools, clock, identity } = repository;
	const lease = { kind: "writer", snapshots: [], command: "policy" } as const;
	return await withLease(repository, lease, async (stage) => {
		const before = (await lastOfEach(repository, name)).get(name);
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
	const names = files.map((file) => file.slice(0, file.lastIndexOf(".")));
	for (const name of new Set(names.filter((one, i) => i > names.indexOf(one))))
		try {
			const last = (await lastOfEach(repository, name)).get(name)?.file;
			for (const [i, file] of files.entries())
				if (last !== undefined && names[i] === name && file !== last)
					await backend.remove(stage, "policies", file);
		} catch (error) {
			if (!isVarveError(error) || error.name !== "CorruptError") throw error;
		}
}

interface Last {
	readonly file: string;
	readonly stored: StoredPolicy;
}

/** Of all, or of this name alone: then what is wrong with others does not matter. */
async function lastOfEach(
	repository: Repository,
	only?: string,
): Promise<Map<string, Last>> {
	for (;;)
		try {
			return await readLast(repository, only);
		} catch (error) {
			// Replaced and deleted since it was listed: what replaced it may not have been there yet.
			if (!isVarveError(error) || error.code !== "NO_FILE") throw error;
		}
}

async function readLast(
	{ backend, tools }: Repository,
	only?: string,
): Promise<Map<string, Last>> {
	const last = new Map<string, Last>();
	for (const { name: file } of await backend.list("policies")) {
		if (only !== undefined && !file.startsWith(`${only}.`)) continue;
		const bytes = await backend.read("policies", file);
		const stored = decodePolicy(bytes, (b) => tools.sha256Hex(b));
		const other = last.get(stored.name);
		if (other === undefined || isLater({ file, stored }, other))
			last.set(stored.name, { file, stored });
	}
	return last;
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
