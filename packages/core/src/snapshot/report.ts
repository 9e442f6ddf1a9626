import type { SnapshotRecord, Statistics, Unread } from "@varve/format";
import type { Observer, Step, VerbEvent } from "../events.ts";
import type { XattrsFound } from "../native/xattr-reader.ts";
import { aclOwners } from "./acl-owners.ts";
import type { Reading } from "./batches.ts";
import {
	type Directory,
	isDirectory,
	isRegular,
	isSymlink,
	type Page,
} from "./directory.ts";
import type { Judgement } from "./judge.ts";
import { gidOf, modeOf, sizeOf, uidOf } from "./stat-columns.ts";
import { newTally } from "./tally.ts";

/** What the parent snapshot held, as a guess at what there is. */
export type Expected = Pick<Statistics, "files" | "bytes">;

/** Counts what a snapshot meets, and tells the observer. */
export class Report {
	readonly tally = newTally();
	readonly unread: Unread[] = [];
	vanishedCount = 0;
	excludedCount = 0;
	/** Entries, of those that are new or changed, with extended attributes that could not be read. */
	#partialXattrs = 0;
	/** Those that were asked for their extended attributes. */
	#asked = 0;
	/** Files and bytes dealt with, read or found unchanged. */
	filesDone = 0;
	bytesDone = 0;
	/** Owners seen, and who is named in ACLs seen. */
	readonly uids = new Set<number>();
	readonly gids = new Set<number>();
	#lastUid = -1;
	#lastGid = -1;
	readonly #observer: Observer;

	readonly #canAsk: boolean;

	/** `canAsk`: extended attributes can be read on this machine. */
	constructor(observer: Observer, canAsk: boolean) {
		this.#observer = observer;
		this.#canAsk = canAsk;
	}

	/** All entries of a page that is as it was. */
	countSame(directory: Directory, page: Page): void {
		for (let i = page.start; i < page.end; i++)
			this.count(directory, i, "unchanged");
	}

	count(directory: Directory, index: number, judgement: Judgement): void {
		const { tally } = this;
		this.countOwner(
			uidOf(directory.stats, index),
			gidOf(directory.stats, index),
		);
		const mode = modeOf(directory.stats, index);
		if (isDirectory(mode)) return;
		if (!isRegular(mode)) {
			if (isSymlink(mode)) tally.symlinks++;
			else tally.others++;
			return;
		}
		const size = sizeOf(directory.stats, index);
		tally.files++;
		tally.bytes += size;
		if (judgement === "new") tally.filesNew++;
		else if (judgement === "changed") tally.filesChanged++;
		else {
			tally.filesUnmodified++;
			this.filesDone++;
			this.bytesDone += size;
		}
		if (this.#observer.detail) this.#tell(directory, index, judgement);
	}

	/** An owner seen. */
	countOwner(uid: number, gid: number): void {
		if (uid !== this.#lastUid) this.uids.add(uid);
		if (gid !== this.#lastGid) this.gids.add(gid);
		this.#lastUid = uid;
		this.#lastGid = gid;
	}

	/** Entries whose extended attributes had no room in a tree. */
	countShed(entries: number): void {
		this.#partialXattrs += entries;
	}

	/** Entries that are as they were may have ACLs, which name whom they named in the parent snapshot. */
	countNamed({ users, groups }: SnapshotRecord): void {
		for (const uid of Object.keys(users)) this.uids.add(Number(uid));
		for (const gid of Object.keys(groups)) this.gids.add(Number(gid));
	}

	countDirectory(directory: Directory): void {
		this.tally.directories++;
		if (directory.prior.length === 0) this.tally.directoriesNew++;
		else this.tally.directoriesUnmodified++;
	}

	/** A file was read. */
	fileDone({ directory, index }: Reading): void {
		this.filesDone++;
		this.bytesDone += sizeOf(directory.stats, index);
	}

	/** A file that was counted is not in the snapshot after all. */
	fileLost({ directory, index, judgement }: Reading): void {
		this.tally.files--;
		if (judgement === "new") this.tally.filesNew--;
		if (judgement === "changed") this.tally.filesChanged--;
		this.tally.bytes -= sizeOf(directory.stats, index);
	}

	/** How far things are. */
	step(current: string | undefined, expected: Expected | undefined): Step {
		const { filesDone: files, bytesDone: bytes } = this;
		const share =
			expected === undefined
				? undefined
				: (files + bytes / 65_536) /
					Math.max(1, expected.files + expected.bytes / 65_536);
		return {
			phase: "store",
			files,
			bytes,
			totalFiles: expected && Math.max(files, expected.files),
			totalBytes: expected && Math.max(bytes, expected.bytes),
			// What the parent held is a guess at what there is: it is never said that all is done.
			fraction: share && Math.min(share, 0.99),
			current,
			errors: this.unread.length,
		};
	}

	/** What the source has and a snapshot does not keep. */
	get notKept(): SnapshotRecord["notKept"] {
		const counts = {
			xattrs: this.#partialXattrs,
			"xattrs-unseen": this.#canAsk ? 0 : this.#asked,
		};
		return Object.fromEntries(
			Object.entries(counts).filter(([, count]) => count > 0),
		);
	}

	/** What every entry of the snapshot was asked for. */
	get kept(): SnapshotRecord["kept"] {
		return this.#canAsk ? ["xattrs"] : [];
	}

	/** What an entry said that is new or changed. */
	countXattrs({ xattrs, partial }: XattrsFound): void {
		this.#asked++;
		if (xattrs.length > 0) {
			const { uids, gids } = aclOwners(xattrs);
			for (const uid of uids) this.uids.add(uid);
			for (const gid of gids) this.gids.add(gid);
		}
		if (partial) this.#partialXattrs++;
	}

	countStream(bytes: number): void {
		this.tally.files = 1;
		this.tally.filesNew = 1;
		this.tally.bytes = bytes;
		this.filesDone = 1;
		this.bytesDone = bytes;
	}

	stored(chunks: number, bytes: number): void {
		this.tally.chunksAdded += chunks;
		this.tally.bytesAdded += bytes;
	}

	/** A file counted as changed was only suspected. */
	countAcquitted(): void {
		this.tally.filesChanged--;
		this.tally.filesUnmodified++;
	}

	/** A directory got a tree of its own: it was not unmodified, unless the tree is the same after all. */
	countTree(
		directory: Directory,
		previous: string | undefined,
		tree: string,
	): void {
		if (directory.prior.length === 0 || previous === tree) return;
		this.tally.directoriesUnmodified--;
		this.tally.directoriesChanged++;
	}

	unreadable(path: string, reason: string): void {
		this.unread.push({ path: withoutSlash(path), reason });
		const message =
			reason === "CHANGED"
				? "changed while it was read"
				: `cannot be read (${reason})`;
		this.#send({
			type: "entry-error",
			verb: "snapshot",
			path: withoutSlash(path),
			reason,
			message,
		});
	}

	vanished(path: string): void {
		this.vanishedCount++;
		this.#send({
			type: "trace",
			message: `vanished while the snapshot was taken: ${withoutSlash(path)}`,
		});
	}

	excluded(path: string): void {
		this.excludedCount++;
		if (this.#observer.detail)
			this.#send({
				type: "entry",
				verb: "snapshot",
				path,
				action: "excluded",
				bytes: 0,
			});
	}

	#tell(directory: Directory, index: number, judgement: Judgement): void {
		const action = judgement === "unchanged" ? "unmodified" : judgement;
		const path = directory.path + (directory.names[index] as string);
		this.#send({
			type: "entry",
			verb: "snapshot",
			path,
			action,
			bytes: sizeOf(directory.stats, index),
		});
	}

	#send(event: VerbEvent): void {
		this.#observer.on(event);
	}
}

function withoutSlash(path: string): string {
	return path.length > 1 && path.endsWith("/") ? path.slice(0, -1) : path;
}
