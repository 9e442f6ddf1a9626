import {
	type Bytes,
	decodeGcList,
	encodeGcList,
	type GcList,
	type Place,
} from "@varve/format";
import type { FileKind, ListedFile, RemoveBackend, Stage } from "@varve/store";
import { over } from "./other-views.ts";
import type { Process, Role } from "./process.ts";
import { sha256Hex } from "./repository.ts";
import type { InnerSwitch, Switch, World } from "./world.ts";

/** Only processes of one role go without the guard. */
function only(
	role: Role,
	change: (
		backend: RemoveBackend,
		process: Process,
		world: World,
	) => Partial<RemoveBackend>,
): Switch {
	return (backend, process, world) =>
		process.program.role === role
			? over(backend, change(backend, process, world))
			: backend;
}

const noLists = (role: Role): Switch =>
	only(role, (backend) => ({
		list: async (kind, options) =>
			kind === "gc" ? [] : backend.list(kind, options),
	}));

/** A list, rewritten as it is read. */
const otherList =
	(change: (list: GcList) => Partial<GcList>) =>
	(backend: RemoveBackend): Partial<RemoveBackend> => ({
		read: async (kind, name, range) => {
			const bytes = await backend.read(kind, name, range);
			if (kind !== "gc") return bytes;
			const list = decodeGcList(bytes, sha256Hex);
			return encodeGcList({ ...list, ...change(list) }, sha256Hex);
		},
	});

const noLease = (role: Role): Switch =>
	only(role, (backend) => ({
		stage: async (lease) => overStage(await backend.stage(lease)),
	}));

function overStage(stage: Stage): Stage {
	return {
		...stage,
		putBytes: async (kind, name, bytes, options) => {
			if (kind !== "leases") await stage.putBytes(kind, name, bytes, options);
		},
	};
}

function hasCondemned({ name }: Process, world: World): boolean {
	return world.log.some(
		(one) => one.process === name && one.verb === "put" && one.kind === "gc",
	);
}

function hasSwept({ name }: Process, world: World): boolean {
	return world.log.some(
		(one) => one.process === name && one.verb === "remove" && one.kind === "gc",
	);
}

/** What this gc saw of these kinds before its list was durable is what it sees of them until that is gone. */
const staleOnceCondemned = (...stale: FileKind[]): Switch =>
	only("gc", (backend, process, world) => {
		const listed = new Map<FileKind, ListedFile[]>();
		const known = new Map<string, Bytes>();
		return {
			list: async (kind, options) => {
				const before = listed.get(kind);
				if (!stale.includes(kind) || hasSwept(process, world))
					return backend.list(kind, options);
				if (before !== undefined && hasCondemned(process, world)) return before;
				const files = await backend.list(kind, options);
				listed.set(kind, files);
				return files;
			},
			read: async (kind, name, range) => {
				if (!stale.includes(kind)) return backend.read(kind, name, range);
				const bytes =
					known.get(name) ?? (await backend.read(kind, name, range));
				known.set(name, bytes);
				return bytes;
			},
		};
	});

/** Each takes one guard of the protocol away. For tests: they show that the model sees what it is there for. */
export const guards = {
	/** A writer does not look at gc lists. */
	condemnedIsPresent: noLists("writer"),
	unforgetSeesNoLists: noLists("unforget"),
	writerWithoutLease: noLease("writer"),
	unforgetWithoutLease: noLease("unforget"),
	/** Who is fenced can commit all the same. */
	fenceDoesNothing: (backend) => over(backend, { fence: async () => true }),
	/** Nobody is waited for once the list is durable. */
	gcDoesNotWait: only("gc", (backend, process, world) => ({
		list: async (kind, options) =>
			(await backend.list(kind, options)).filter(
				({ name }) =>
					kind !== "leases" ||
					!hasCondemned(process, world) ||
					name.startsWith(process.lease),
			),
	})),
	/** A gc that goes on with the list of another one waits for nobody. */
	laterGcDoesNotWait: only(
		"gc",
		otherList(() => ({ waitsFor: [] })),
	),
	/** Those are waited for who were there before the list was. */
	leasesListedTooEarly: staleOnceCondemned("leases"),
	/** The second mark goes by the records of the first. */
	noSecondMark: staleOnceCondemned("snapshots", "copies/snapshots"),
	marksNotReadAgain: staleOnceCondemned("forgotten"),
	/** Packs are deleted before the records that need them. */
	recordsLast: only("gc", (backend) => {
		const kept: (() => Promise<void>)[] = [];
		return {
			remove: async (stage, kind, name) => {
				const remove = () => backend.remove(stage, kind, name);
				if (kind === "snapshots" || kind === "forgotten") {
					kept.push(remove);
					return;
				}
				if (kind === "gc") for (const one of kept) await one();
				await remove();
			},
		};
	}),
	/** Nobody makes durable what others have put. */
	nothingSettled: (backend) =>
		over(backend, { settle: async () => {}, settlePacks: async () => {} }),
	/** The list goes before what it condemns. */
	listFirst: only("gc", (backend, process) => {
		let isGone = false;
		return {
			remove: async (stage, kind, name) => {
				if (!isGone && kind !== "leases") {
					isGone = true;
					for (const list of await backend.list("gc"))
						await backend.remove(stage, "gc", list.name);
				}
				if (kind !== "gc" || process.lease === "")
					await backend.remove(stage, kind, name);
			},
		};
	}),
	/** A writer knows which snapshots are condemned, and makes differences from what lies in condemned packs. */
	condemnedBases: only(
		"writer",
		otherList(() => ({ packs: [] })),
	),
	/** What a gc keeps may need bases that it does not keep. */
	basesNotKept: {
		role: "gc",
		table: (table) => Object.assign(table, { bases: () => [].values() }),
	},
	/** A writer takes what lies in a frame with bases for a base. */
	basesOfBases: {
		role: "writer",
		lookup: (lookup) => ({
			empty: lookup.empty,
			find: (ids, at) => withoutBases(lookup.find(ids, at)),
			close: () => lookup.close(),
		}),
	},
} satisfies Readonly<Record<string, Switch | InnerSwitch>>;

function withoutBases(place: Place | undefined): Place | undefined {
	if (place === undefined) return undefined;
	const { pack, packSize, kind, offset, storedLength, rawLength } = place;
	const { ordinal, length } = place;
	return {
		...{ pack, packSize, kind, offset, storedLength, rawLength },
		...{ ordinal, length, bases: new Uint8Array(0) },
	};
}
