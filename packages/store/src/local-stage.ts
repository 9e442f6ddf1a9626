import { dirname, join } from "node:path";
import {
	type Bytes,
	ConflictError,
	isVarveError,
	type LeaseId,
} from "@varve/format";
import type { FileKind, Spool, Stage, StageDescriptor } from "./backend.ts";
import { openBlockingReads } from "./blocking-reads.ts";
import type { DurableWrite } from "./durable-write.ts";
import { fenced, isErrno, storageError } from "./fs-errors.ts";
import type { FsLayer } from "./fs-layer.ts";
import { pathOf, stagePath } from "./local-layout.ts";
import { openSpool } from "./local-spool.ts";
import {
	haveSameBytes,
	quarantineName,
	statUnlessAbsent,
} from "./quarantine.ts";

export interface LocalStageOptions {
	readonly root: string;
	readonly lease: LeaseId;
	readonly fs: FsLayer;
	readonly durable: DurableWrite;
	/** Deletes the stage with all that is in it. */
	readonly release: () => Promise<void>;
}

/** The folder tmp/<lease>. It is named by path in every operation, never held open: who renames it away stops its owner. */
export class LocalStage implements Stage {
	readonly lease: LeaseId;
	readonly spool: Spool;
	readonly descriptor: StageDescriptor;
	readonly #options: LocalStageOptions;
	#count = 0;

	constructor(options: LocalStageOptions) {
		this.#options = options;
		this.lease = options.lease;
		this.descriptor = {
			type: "local",
			path: stagePath(options.root, options.lease),
		};
		this.spool = openSpool(this.descriptor, options.fs);
	}

	async put(kind: FileKind, name: string, spoolName: string): Promise<void> {
		const { root, durable } = this.#options;
		const from = join(this.descriptor.path, spoolName);
		const to = pathOf(root, kind, name);
		await this.#mapErrors(`write ${kind}/${name}`, async () => {
			await durable.syncFile(from);
			await this.#commit(from, to, () => durable.rename(from, to));
		});
	}

	async putBytes(
		kind: FileKind,
		name: string,
		bytes: Bytes,
		options: { exclusive?: boolean } = {},
	): Promise<void> {
		const { root, durable } = this.#options;
		const from = join(this.descriptor.path, `object-${this.#count++}`);
		const to = pathOf(root, kind, name);
		await this.#mapErrors(`write ${kind}/${name}`, async () => {
			await durable.writeNew(from, bytes);
			await this.#commit(from, to, () =>
				options.exclusive
					? durable.renameToNew(from, to)
					: durable.rename(from, to),
			);
		});
	}

	/** `move` renames; folders that are missing are made again first. What could not be moved is deleted. */
	async #commit(
		from: string,
		to: string,
		move: () => Promise<void>,
	): Promise<void> {
		const { durable, root } = this.#options;
		try {
			await move().catch(async (error) => {
				const folder = dirname(to);
				if (!isErrno(error, "ENOENT") || folder === root) throw error;
				await this.#requireStage(error);
				await this.#makeFolder(folder);
				await move();
			});
		} catch (error) {
			await durable.discard(from);
			if (!isErrno(error, "EEXIST")) throw error;
			// Who is told that it is there relies on it, and whoever made it may have failed before it was durable.
			await durable.syncDirectory(dirname(to));
			throw taken(to, error);
		}
	}

	/** With those above it, from the top; never the root. */
	async #makeFolder(folder: string): Promise<void> {
		const { fs, durable, root } = this.#options;
		const make = () =>
			fs.mkdir(folder, 0o700).catch((failure) => {
				if (!isErrno(failure, "EEXIST")) throw failure;
			});
		await make().catch(async (failure) => {
			if (!isErrno(failure, "ENOENT") || dirname(folder) === root)
				throw failure;
			await this.#makeFolder(dirname(folder));
			await make();
		});
		await durable.syncDirectory(dirname(folder));
	}

	/** Removes a file; that it is gone is durable when this resolves. Absence is success. */
	async remove(kind: FileKind, name: string): Promise<void> {
		const { root, fs, durable } = this.#options;
		const path = pathOf(root, kind, name);
		const away = join(this.descriptor.path, `removed-${this.#count++}`);
		await this.#mapErrors(`remove ${kind}/${name}`, async () => {
			try {
				await fs.rename(path, away);
			} catch (error) {
				if (!isErrno(error, "ENOENT")) throw error;
				await this.#requireStage(error);
				return await durable.settle(dirname(path));
			}
			await durable.discard(away);
			await durable.syncDirectory(dirname(path));
		});
	}

	/**
	 * A second name, made in the stage, goes to `quarantine/` by a rename, so that who was fenced moves nothing; then the first name is removed.
	 * Killed between the two, the file has both, and who does it again finds it there.
	 */
	async quarantine(
		kind: FileKind,
		name: string,
		stays: boolean,
	): Promise<string | undefined> {
		const { root, fs, durable } = this.#options;
		const path = pathOf(root, kind, name);
		let away: string | undefined;
		await this.#mapErrors(`quarantine ${kind}/${name}`, async () => {
			if ((await statUnlessAbsent(fs, path)) === undefined) {
				await this.#requireStage(undefined);
				// Who moved it may have been killed before that was durable.
				return await durable.settle(dirname(path));
			}
			away = await this.#nameAway(kind, name);
		});
		if (away !== undefined && !stays) await this.remove(kind, name);
		return away;
	}

	async #nameAway(kind: FileKind, name: string): Promise<string> {
		const { root, fs, durable } = this.#options;
		const path = pathOf(root, kind, name);
		for (let count = 1; ; count++) {
			const away = quarantineName(kind, name, count);
			const to = pathOf(root, "quarantine", away);
			if (await haveSameBytes(fs, path, to)) {
				await durable.syncDirectory(dirname(to));
				return away;
			}
			try {
				const from = join(this.descriptor.path, `damaged-${this.#count++}`);
				if (!(await durable.link(path, from)))
					return await this.#copyAway(kind, name, away);
				await this.#commit(from, to, () => durable.renameToNew(from, to));
				return away;
			} catch (error) {
				if (!isVarveError(error) || error.code !== "EXISTS") throw error;
			}
		}
	}

	/** Where the file system knows no second names. */
	async #copyAway(kind: FileKind, name: string, away: string): Promise<string> {
		const { root, fs } = this.#options;
		const reads = openBlockingReads({ type: "local", path: root }, fs);
		try {
			const bytes = new Uint8Array(reads.size(kind, name) ?? 0);
			reads.readInto(kind, name, 0, bytes);
			await this.putBytes("quarantine", away, bytes, { exclusive: true });
			return away;
		} finally {
			reads.close();
		}
	}

	async release(): Promise<void> {
		await this.#options.release();
	}

	/** Something was not there: if it was the stage, it has been fenced. */
	async #requireStage(cause: unknown): Promise<void> {
		try {
			await this.#options.fs.stat(this.descriptor.path);
		} catch (error) {
			if (isErrno(error, "ENOENT")) throw fenced(this.lease, cause);
			throw error;
		}
	}

	async #mapErrors(action: string, work: () => Promise<void>): Promise<void> {
		try {
			await work();
		} catch (error) {
			if (isErrno(error, "ENOENT")) await this.#requireStage(error);
			throw storageError(error, action);
		}
	}
}

function taken(path: string, cause: unknown): ConflictError {
	return new ConflictError(
		"EXISTS",
		`${path} exists already`,
		{ path },
		{ cause },
	);
}
