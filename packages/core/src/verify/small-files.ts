import {
	type Bytes,
	CorruptError,
	decodeConfig,
	decodeForgotten,
	decodeGcList,
	decodeLabel,
	decodeLease,
	decodePolicy,
	decodeRecord,
	NotFoundError,
	type SnapshotId,
	type SnapshotRecord,
} from "@varve/format";
import type { FileKind } from "@varve/store";
import { isDamage } from "../damage.ts";
import type { Repository } from "../repository.ts";
import type { Faults } from "./faults.ts";
import type { FindingCode } from "./finding.ts";

type Hash = (bytes: Bytes) => string;

interface SmallKind {
	readonly kind: FileKind;
	readonly code: FindingCode;
	readonly name: RegExp;
	/** Throws a CorruptError for a file that is not what its name says. */
	readonly check: (bytes: Bytes, name: string, hash: Hash) => void;
}

const marks: readonly SmallKind[] = [
	{
		kind: "config",
		code: "BAD_CONFIG",
		name: /^config$/,
		check: (bytes, _, hash) => decodeConfig(bytes, hash),
	},
	{
		kind: "labels",
		code: "BAD_LABEL",
		name: /^[0-9a-f]{64}\.[0-9a-z-]+$/,
		check: (bytes, name, hash) =>
			requireName(decodeLabel(bytes, hash).snapshot, name.slice(0, 64)),
	},
	{
		kind: "forgotten",
		code: "BAD_FORGOTTEN",
		name: /^[0-9a-f]{64}$/,
		check: (bytes, name, hash) =>
			requireName(decodeForgotten(bytes, hash).snapshot, name),
	},
	{
		kind: "policies",
		code: "BAD_POLICY",
		name: /^[A-Za-z0-9][A-Za-z0-9_-]*\.[0-9a-f]{32}$/,
		check: (bytes, name, hash) =>
			requireName(
				decodePolicy(bytes, hash).name,
				name.slice(0, name.indexOf(".")),
			),
	},
	{
		kind: "leases",
		code: "BAD_LEASE",
		name: /^[0-9a-f]{32}\.[0-9]+$/,
		check: (bytes, name, hash) => {
			const { lease, beat } = decodeLease(bytes, hash);
			requireName(`${lease}.${beat}`, name);
		},
	},
	{
		kind: "gc",
		code: "BAD_GC_LIST",
		name: /^[0-9a-f]{32}$/,
		check: (bytes, name, hash) =>
			requireName(decodeGcList(bytes, hash).generation, name),
	},
];

function requireName(inside: string, name: string): void {
	if (inside !== name)
		throw new CorruptError(
			"WRONG_NAME",
			`the file says that it is ${inside.slice(0, 80)}`,
		);
}

/** Checks config, labels, marks, policies, leases and gc lists. */
export async function checkMarks(
	repository: Repository,
	faults: Faults,
): Promise<void> {
	for (const small of marks)
		for (const { name } of await repository.backend.list(small.kind))
			await checkFile(repository, { ...small, faults }, name);
}

/** Checks records; returns those that are what their names say. */
export async function checkRecords(
	repository: Repository,
	names: readonly string[],
	faults: Faults,
): Promise<Map<SnapshotId, SnapshotRecord>> {
	const records = new Map<SnapshotId, SnapshotRecord>();
	const read = (bytes: Bytes, name: string, hash: Hash) => {
		requireName(hash(bytes), name);
		records.set(name as SnapshotId, decodeRecord(bytes));
	};
	const waiting = names.values();
	const lane = async () => {
		for (const file of waiting)
			await checkFile(
				repository,
				{
					kind: "snapshots",
					code: "BAD_SNAPSHOT",
					name: /^[0-9a-f]{64}$/,
					check: read,
					faults,
				},
				file,
			);
	};
	await Promise.all(Array.from({ length: 16 }, lane));
	for (const name of names)
		if (!records.has(name as SnapshotId))
			await readCopy(repository, name, read);
	return records;
}

/** What a damaged record refers to is followed where its copy tells. */
async function readCopy(
	{ backend, tools }: Repository,
	name: string,
	read: (bytes: Bytes, name: string, hash: Hash) => void,
): Promise<void> {
	try {
		const bytes = await backend.read("copies/snapshots", name);
		read(bytes, name, (b) => tools.sha256Hex(b));
	} catch (error) {
		if (!isDamage(error)) throw error;
	}
}

async function checkFile(
	{ backend, tools }: Repository,
	{
		kind,
		code,
		name: pattern,
		check,
		faults,
	}: SmallKind & { readonly faults: Faults },
	name: string,
): Promise<void> {
	const file = { kind, name };
	const where = `${kind}/${name}`;
	const snapshots = kind === "snapshots" ? [name as SnapshotId] : [];
	if (!pattern.test(name)) {
		const message = `${where}: no program gives a file such a name`;
		faults.add({ code: "STRANGE_FILE", message, file, chunks: [] });
		return;
	}
	try {
		check(await backend.read(kind, name), name, (b) => tools.sha256Hex(b));
	} catch (error) {
		// Gone since it was listed: released, or swept.
		if (error instanceof NotFoundError) return;
		if (!isDamage(error)) throw error;
		const isRead = error.name === "CorruptError";
		faults.add({
			code: isRead ? code : "UNREADABLE_FILE",
			message: `${where} is damaged: ${error.message}`,
			file,
			chunks: [],
			snapshots,
		});
	}
}
