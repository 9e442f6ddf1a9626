import {
	chmodSync,
	lchownSync,
	linkSync,
	lstatSync,
	mkdirSync,
	symlinkSync,
} from "node:fs";
import { type Node, NodeKind } from "@varve/format";
import { codeOf, systemPath } from "../system.ts";
import { createMode } from "./file-attributes.ts";
import type { HardLinks } from "./links.ts";
import type { Attributes } from "./locate.ts";
import type { NativeCalls } from "./native-times.ts";
import { noSpace, saysFull } from "./no-space.ts";
import type { Owners } from "./owners.ts";
import type { RestoreLog } from "./report.ts";
import { lostOwner, lostSetId } from "./tally.ts";

export interface TreeMakerOptions {
	readonly target: string;
	readonly owners: Owners;
	readonly native: NativeCalls;
	readonly log: RestoreLog;
}

interface MadeDirectory extends Attributes {
	readonly suffix: string;
}

/** Type bits of st_mode. */
const fileTypes: { readonly [kind: number]: number } = {
	[NodeKind.fifo]: 0o010000,
	[NodeKind.socket]: 0o140000,
	[NodeKind.characterDevice]: 0o020000,
	[NodeKind.blockDevice]: 0o060000,
};

/** Makes everything that has no content. Directories get their attributes when all is in them, the lowest first. */
export class TreeMaker {
	readonly #options: TreeMakerOptions;
	/** In the order made: each before what is in it. */
	readonly #directories: MadeDirectory[] = [];
	/** Paths that should be directories of ours and are not: nothing may be made below them, for it might end up elsewhere. */
	readonly #barred: string[] = [];
	/** Directories above roots, which have no attributes to give back. */
	readonly #above = new Set<string>();

	constructor(options: TreeMakerOptions) {
		this.#options = options;
	}

	/** Makes the directories above a path that is to be restored. */
	prepareAbove(suffix: string): void {
		for (let end = suffix.indexOf("/", 1); end > 0; ) {
			const above = suffix.slice(0, end);
			end = suffix.indexOf("/", end + 1);
			if (this.#above.has(above)) continue;
			this.#above.add(above);
			const made =
				!this.bars(above) &&
				this.#attempt(above, "unwritten", () => {
					const path = this.#path(above);
					if (this.#makeDirectory(path)) chmodSync(path, 0o755);
				});
			if (!made) this.#barred.push(above);
		}
	}

	/** True for what lies below a path where there is something else than a directory of ours: a link that another root holds, say. */
	bars(suffix: string): boolean {
		return this.#barred.some((barred) => suffix.startsWith(`${barred}/`));
	}

	directory(suffix: string, attributes: Attributes): void {
		const { log } = this.#options;
		const { mode, uid, gid, mtime, mtimeNs } = attributes;
		const made = this.#attempt(suffix, "unwritten", () => {
			if (suffix !== "") this.#makeDirectory(this.#path(suffix));
		});
		if (!made) {
			this.#barred.push(suffix);
			return;
		}
		log.directories++;
		log.restored(suffix, 0);
		this.#directories.push({ suffix, mode, uid, gid, mtime, mtimeNs });
	}

	/** False if it was there: two roots of a snapshot may lie in each other. */
	#makeDirectory(path: string | Buffer): boolean {
		try {
			mkdirSync(path, 0o700);
			return true;
		} catch (error) {
			if (codeOf(error) !== "EEXIST" || !lstatSync(path).isDirectory())
				throw error;
			return false;
		}
	}

	symlink(suffix: string, node: Node): void {
		const { log } = this.#options;
		const made = this.#attempt(suffix, "unwritten", () =>
			symlinkSync(Buffer.from(node.target as Uint8Array), this.#path(suffix)),
		);
		if (!made) return;
		log.symlinks++;
		log.restored(suffix, 0);
		this.#setAttributes(suffix, node, true);
	}

	/** A FIFO, socket or device. */
	special(suffix: string, node: Node): void {
		const { target, native, log } = this.#options;
		const { makeNode } = native;
		if (makeNode === undefined) {
			log.lose("FIFOs, sockets and devices");
			return;
		}
		const type = fileTypes[node.kind] as number;
		const made = this.#attempt(suffix, "unwritten", () =>
			makeNode(target + suffix, type | createMode, node.device),
		);
		if (!made) return;
		log.others++;
		log.restored(suffix, 0);
		this.#setAttributes(suffix, node, false);
	}

	/** Gives files their further names. What its first name lacks, a further one lacks too. */
	links(links: HardLinks): void {
		const { log } = this.#options;
		for (const { suffix, leader } of links.pending) {
			if (log.absent.has(leader)) {
				const cause = log.problems.find((p) => p.path === log.pathOf(leader));
				const kind = cause?.kind ?? "unwritten";
				const reason = cause?.reason ?? "ENOENT";
				const message = `it is a further name of ${log.pathOf(leader)}, which could not be restored`;
				log.problem(suffix, { kind, reason, message });
				continue;
			}
			const made = this.#attempt(suffix, "unwritten", () =>
				linkSync(this.#path(leader), this.#path(suffix)),
			);
			if (!made) continue;
			log.hardLinks++;
			log.restored(suffix, 0);
		}
	}

	/** Gives all directories their attributes: nothing may be made in them after that. */
	finish(): void {
		for (const directory of this.#directories.reverse())
			this.#setAttributes(directory.suffix, directory, false);
	}

	/** In this order: a change of owner clears set-id bits, and every change may move times. */
	#setAttributes(
		suffix: string,
		{ mode, uid, gid, mtime, mtimeNs }: Attributes,
		isSymlink: boolean,
	): void {
		const { target, owners, native, log } = this.#options;
		owners.judge(mode, uid, gid);
		if (owners.lostOwner) log.lose(lostOwner);
		if (owners.lostSetId && !isSymlink) log.lose(lostSetId);
		const path = this.#path(suffix);
		const attempt = (change: () => void) =>
			this.#attempt(suffix, "unfaithful", change);
		if (owners.changes) attempt(() => lchownSync(path, owners.uid, owners.gid));
		if (!isSymlink) attempt(() => chmodSync(path, owners.mode));
		attempt(() => native.setPathTime(target + suffix, mtime, mtimeNs));
	}

	#path(suffix: string): string | Buffer {
		return systemPath(this.#options.target + suffix);
	}

	#attempt(
		suffix: string,
		kind: "unwritten" | "unfaithful",
		change: () => void,
	): boolean {
		try {
			change();
			return true;
		} catch (cause) {
			const reason = codeOf(cause);
			if (reason === undefined) throw cause;
			if (saysFull(reason)) throw noSpace(this.#options.target, cause);
			const message = (cause as Error).message;
			this.#options.log.problem(suffix, { kind, reason, message });
			return false;
		}
	}
}
