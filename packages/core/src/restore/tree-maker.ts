import {
	fstatSync,
	linkSync,
	lstatSync,
	mkdirSync,
	symlinkSync,
} from "node:fs";
import { type Attribute, type Node, NodeKind } from "@varve/format";
import { codeOf } from "../system.ts";
import {
	createDirectoryMode,
	createMode,
	dropAcls,
	giveAttributes,
} from "./entry-attributes.ts";
import { failureOf } from "./failed-call.ts";
import { inheritsAcl } from "./inherited-acl.ts";
import type { HardLinks, PendingLink } from "./links.ts";
import type { Attributes } from "./locate.ts";
import { directoryEntry, withMade } from "./made-entry.ts";
import type { OpenEntry } from "./open-entry.ts";
import type { Owners } from "./owners.ts";
import type { RestoreLog } from "./report.ts";
import { countLosses } from "./tally.ts";
import type { TargetCalls } from "./target-calls.ts";
import { nameOf, type TargetTree } from "./target-tree.ts";

export interface TreeMakerOptions {
	readonly tree: TargetTree;
	readonly owners: Owners;
	readonly calls: TargetCalls;
	readonly log: RestoreLog;
	/** Nothing was in the target: all directories that are met there are to be those made here. */
	readonly isNew?: boolean | undefined;
}

/** What it knows of an entry it makes. */
interface Given {
	readonly attributes: Attributes;
	readonly kind: "directory" | "symlink" | "special";
}

/** Type bits of st_mode. */
const fileTypes: { readonly [kind: number]: number } = {
	[NodeKind.fifo]: 0o010000,
	[NodeKind.socket]: 0o140000,
	[NodeKind.characterDevice]: 0o020000,
	[NodeKind.blockDevice]: 0o060000,
};
/** Of directories above roots, which have no attributes to give back. */
const plainMode = 0o755;

const cannotBeMade = {
	kind: "unwritten",
	reason: "ENOSYS",
	message:
		"FIFOs, sockets and devices can be made on Linux only, and where koffi can be loaded",
} as const;
const foreignOwners =
	"the target gives what is made in it to another user: a directory that somebody swaps for one of theirs meanwhile is not noticed";

/** Makes everything that has no content. Directories get their attributes when all is in them, the lowest first. */
export class TreeMaker {
	readonly #options: TreeMakerOptions;
	/** By suffix, in the order made: each before what is in it. Without attributes, if it is above a root. */
	readonly #directories = new Map<string, Attributes | undefined>();
	/** Paths that should be directories of ours and are not: nothing may be made below them, for it might end up elsewhere. */
	readonly #barred: string[] = [];

	constructor(options: TreeMakerOptions) {
		this.#options = options;
	}

	/** Makes the directories above a path that is to be restored. */
	prepareAbove(suffix: string): void {
		for (let end = suffix.indexOf("/", 1); end > 0; ) {
			const above = suffix.slice(0, end);
			end = suffix.indexOf("/", end + 1);
			if (this.#directories.has(above)) continue;
			if (!this.bars(above) && this.#makeDirectory(above))
				this.#directories.set(above, undefined);
			else this.#barred.push(above);
		}
	}

	/** True for what lies below a path where there is something else than a directory of ours: a link that another root holds, say. */
	bars(suffix: string): boolean {
		return this.#barred.some((barred) => suffix.startsWith(`${barred}/`));
	}

	/** True for a directory that is made. */
	has(suffix: string): boolean {
		return this.#directories.has(suffix);
	}

	/** True if there is something at a path. */
	isTaken(suffix: string): boolean {
		const above = suffix.slice(0, suffix.lastIndexOf("/"));
		if (above !== "" && !this.has(above)) return false;
		const path = this.#options.tree.path(suffix);
		return lstatSync(path, { throwIfNoEntry: false }) !== undefined;
	}

	directory(suffix: string, attributes: Attributes): void {
		const { log } = this.#options;
		const isThere = suffix === "" || this.#directories.has(suffix);
		if (!isThere && !this.#makeDirectory(suffix)) {
			this.#barred.push(suffix);
			return;
		}
		if (suffix === "") this.#closeTarget();
		log.directories++;
		log.restored(suffix, 0);
		this.#directories.set(suffix, copyOf(attributes));
	}

	/** What will be a directory of the snapshot lets nobody in before it is. Whoever may not close it is told so by `finish`. */
	#closeTarget(): void {
		const { tree, calls, isNew } = this.#options;
		if (isNew !== true) return;
		try {
			directoryEntry(tree, "", calls).chmod(createDirectoryMode);
		} catch (error) {
			if (codeOf(error) === undefined) throw error;
		}
	}

	/** False if it could not be made; that is in the log. */
	#makeDirectory(suffix: string): boolean {
		const { tree, calls } = this.#options;
		return this.#attempt(suffix, "unwritten", () => {
			mkdirSync(tree.path(suffix), createDirectoryMode);
			this.#learnOwner(suffix);
			if (tree.root.mayHandOnAcls !== true) return;
			if (!inheritsAcl(tree, suffix, calls)) return;
			const entry = directoryEntry(tree, suffix, calls);
			dropAcls(entry, "directory", { attempt: (change) => change() });
		});
	}

	/** Of the first directory. Where all files are given to somebody else (a network, say), a swapped one looks like another. */
	#learnOwner(suffix: string): void {
		const { tree, log, isNew } = this.#options;
		if (isNew !== true || tree.root.owner !== undefined) return;
		const { descriptor } = tree.directory(suffix);
		const user = process.geteuid?.();
		if (descriptor === -1 || user === undefined) return;
		if (fstatSync(descriptor).uid === user)
			tree.root = { ...tree.root, owner: user };
		else log.note(foreignOwners);
	}

	symlink(suffix: string, node: Node): void {
		const { tree, log } = this.#options;
		const made = this.#attempt(suffix, "unwritten", () =>
			symlinkSync(Buffer.from(node.target as Uint8Array), tree.path(suffix)),
		);
		if (!made) return;
		log.symlinks++;
		this.#give(suffix, { attributes: node, kind: "symlink" }, node);
	}

	/** A FIFO, socket or device. */
	special(suffix: string, node: Node): void {
		const { tree, calls, log } = this.#options;
		const { makeNode } = calls;
		if (makeNode === undefined) {
			log.problem(suffix, cannotBeMade);
			return;
		}
		const type = fileTypes[node.kind] as number;
		const made = this.#attempt(suffix, "unwritten", () =>
			makeNode(tree.pathText(suffix), type | createMode, node.device),
		);
		if (!made) return;
		log.others++;
		this.#give(suffix, { attributes: node, kind: "special" }, node);
	}

	/** To what was just made. */
	#give(suffix: string, given: Given, { kind }: Node): void {
		const { tree, calls, log } = this.#options;
		log.restored(suffix, 0);
		this.#attempt(suffix, "unfaithful", () =>
			withMade({ tree, suffix, kind, names: 1 }, calls, ({ entry }) =>
				this.#setAttributes(suffix, given, entry),
			),
		);
	}

	/** Gives files their further names. What its first name lacks, a further one lacks too. */
	links(links: HardLinks): void {
		const { log } = this.#options;
		const names = new Map<string, number>();
		for (const link of links.pending) {
			const { suffix, leader } = link;
			if (log.absent.has(leader)) {
				this.#leaderIsAbsent(link);
				continue;
			}
			const count = names.get(leader) ?? 1;
			const made = this.#attempt(suffix, "unwritten", () =>
				this.#link(link, count),
			);
			if (!made) continue;
			names.set(leader, count + 1);
			log.hardLinks++;
			log.restored(suffix, 0);
		}
	}

	#leaderIsAbsent({ suffix, leader }: PendingLink): void {
		const { log } = this.#options;
		const cause = log.problems.find((p) => p.path === log.pathOf(leader));
		const kind = cause?.kind ?? "unwritten";
		const reason = cause?.reason ?? "ENOENT";
		const message = `it is a further name of ${log.pathOf(leader)}, which could not be restored`;
		log.problem(suffix, { kind, reason, message });
	}

	/** Only what was made here is linked: another file that somebody has put there would get a name in the target. */
	#link({ suffix, leader, kind }: PendingLink, names: number): void {
		const { tree, calls } = this.#options;
		withMade({ tree, suffix: leader, kind, names }, calls, (made) => {
			if (made.descriptor !== -1 && calls.linkOpen !== undefined) {
				const { descriptor } = tree.above(suffix);
				calls.linkOpen(made.descriptor, descriptor, nameOf(suffix));
				return;
			}
			const from = tree.hold(leader.slice(0, leader.lastIndexOf("/")));
			try {
				linkSync(from.path(nameOf(leader)), tree.path(suffix));
			} finally {
				tree.release(from);
			}
		});
	}

	/** Gives all directories their attributes: nothing may be made in them after that. */
	finish(): void {
		const { tree, calls } = this.#options;
		for (const [suffix, attributes] of [...this.#directories].reverse())
			this.#attempt(suffix, "unfaithful", () => {
				const entry = directoryEntry(tree, suffix, calls);
				if (attributes === undefined) entry.chmod(plainMode);
				else
					this.#setAttributes(suffix, { attributes, kind: "directory" }, entry);
			});
	}

	#setAttributes(
		suffix: string,
		{ attributes, kind }: Given,
		entry: OpenEntry,
	): void {
		const { tree, owners, calls, log } = this.#options;
		const { mode, uid, gid, mtime, mtimeNs, xattrs } = attributes;
		owners.judge(mode, uid, gid, kind);
		const lose = (what: string) => log.lose(what);
		countLosses(owners, lose);
		giveAttributes(
			entry,
			{
				owners,
				kind,
				seconds: mtime,
				nanoseconds: mtimeNs,
				xattrs,
				// A target that was there has the ACLs it had.
				inheritsAcl:
					suffix === "" ||
					(kind === "special" && inheritsAcl(tree, suffix, calls)),
			},
			{
				attempt: (change) => this.#attempt(suffix, "unfaithful", change),
				lose,
			},
		);
	}

	#attempt(
		suffix: string,
		kind: "unwritten" | "unfaithful",
		change: () => void,
	): boolean {
		const { tree, log } = this.#options;
		try {
			change();
			return true;
		} catch (error) {
			const failure = failureOf(error, tree.root.path);
			log.problem(suffix, { kind, ...failure });
			return false;
		}
	}
}

/** Without the rest of a node, which would keep the tree it stands in. */
function copyOf(attributes: Attributes): Attributes {
	const { mode, uid, gid, mtime, mtimeNs } = attributes;
	const xattrs = attributes.xattrs.map(copyOfXattr);
	return { mode, uid, gid, mtime, mtimeNs, xattrs };
}

function copyOfXattr({ name, value }: Attribute): Attribute {
	return { name: new Uint8Array(name), value: new Uint8Array(value) };
}
