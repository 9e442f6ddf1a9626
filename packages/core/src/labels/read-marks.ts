import {
	CorruptError,
	decodeLabel,
	fromUtf8,
	type Label,
	NotFoundError,
	type SnapshotId,
	utf8,
} from "@varve/format";
import type { Repository } from "../repository.ts";
import type { NamedLabel } from "./merge-labels.ts";

/** What lies in a repository beside its records. */
export interface Marks {
	readonly labels: ReadonlyMap<SnapshotId, readonly NamedLabel[]>;
	readonly forgotten: ReadonlySet<string>;
	/** Snapshots with a label that cannot be read: nobody can say that they are not pinned. */
	readonly unsure: ReadonlySet<string>;
}

type Parts = Pick<Repository, "backend" | "cache" | "tools" | "observer">;

/** Labels never change, so that this client remembers them all in one file and reads only new ones. */
export async function readMarks(parts: Parts): Promise<Marks> {
	const listed = await parts.backend.list("labels");
	const forgotten = await parts.backend.list("forgotten");
	const names = listed.map(({ name }) => name);
	const { known, unsure } = await readLabels(names, parts);
	const labels = new Map<SnapshotId, NamedLabel[]>();
	for (const [name, label] of known) {
		const one = { uuid: name.slice(name.indexOf(".") + 1), label };
		const others = labels.get(label.snapshot);
		if (others === undefined) labels.set(label.snapshot, [one]);
		else others.push(one);
	}
	return {
		labels,
		forgotten: new Set(forgotten.map(({ name }) => name)),
		unsure,
	};
}

interface Read {
	readonly known: Map<string, Label>;
	readonly unsure: Set<string>;
}

async function readLabels(
	names: readonly string[],
	parts: Parts,
): Promise<Read> {
	const read: Read = { known: new Map(), unsure: new Set() };
	if (names.length === 0) return read;
	const remembered = await recall(parts);
	let isNew = false;
	for (const name of names) {
		const label = remembered[name];
		if (label !== undefined) read.known.set(name, label);
		else isNew = (await readLabel(name, read, parts)) || isNew;
	}
	if (isNew) await remember(read.known, parts);
	return read;
}

/** False if there is nothing to remember. */
async function readLabel(
	name: string,
	read: Read,
	{ backend, tools, observer }: Parts,
): Promise<boolean> {
	try {
		const bytes = await backend.read("labels", name);
		const label = decodeLabel(bytes, (b) => tools.sha256Hex(b));
		if (!name.startsWith(`${label.snapshot}.`))
			throw new CorruptError("BAD_NAME", `the label ${name} is of another`);
		read.known.set(name, label);
		return true;
	} catch (error) {
		// Gone since it was listed: its snapshot was deleted.
		if (error instanceof NotFoundError) return false;
		if (!(error instanceof CorruptError)) throw error;
		const snapshot = name.slice(0, name.indexOf("."));
		read.unsure.add(snapshot);
		const message = `a label of the snapshot ${snapshot.slice(0, 8)} cannot be read, so the snapshot counts as pinned: ${error.message}`;
		observer.on({ type: "warning", message });
		return false;
	}
}

const cacheName = "labels";
const cacheVersion = 1;

async function recall({ cache }: Parts): Promise<Record<string, Label>> {
	const bytes = await cache.get(cacheName);
	if (bytes === undefined) return {};
	const { version, labels } = JSON.parse(fromUtf8(bytes, "the cached labels"));
	return version === cacheVersion ? labels : {};
}

async function remember(
	known: ReadonlyMap<string, Label>,
	{ cache }: Parts,
): Promise<void> {
	const labels = Object.fromEntries(known);
	const text = JSON.stringify({ version: cacheVersion, labels });
	await cache.put(cacheName, utf8(text));
}
