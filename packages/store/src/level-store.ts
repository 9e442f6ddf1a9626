import { type Hash64, idToBytes } from "@varve/format";
import type { IndexFolder } from "./index-folder.ts";
import type { Seal } from "./index-seal.ts";
import { type Change, type Database, isLevelDamage } from "./level-database.ts";
import { keyOf } from "./level-values.ts";
import { type Marker, putMarker } from "./marker.ts";
import { mergeSegment } from "./merge-segment.ts";
import {
	describeMerged,
	type MergedSegment,
	putMerged,
	readMerged,
} from "./merged-segments.ts";
import type { SegmentSearch } from "./segment-search.ts";
import type { Warn } from "./warn.ts";

/** Places of gone segments that are worth building the index again, if they are most of it. */
const staleWorthDropping = 100_000;

/** An open LevelDB with what is known of it. */
export interface OpenLevel {
	readonly database: Database;
	readonly seal: Seal;
	/** Segments merged into it, by name. */
	readonly merged: Map<string, MergedSegment>;
	marker: Marker;
}

/** The LevelDB of one repository: opened when first needed, dropped and made again when it shows damage. */
export class LevelStore {
	readonly #folder: IndexFolder | undefined;
	readonly #hash64: Hash64;
	readonly #warn: Warn;
	#opening: Promise<OpenLevel | undefined> | undefined;
	#database: Database | undefined;
	#damage: unknown;

	/** Without a folder there is none. */
	constructor(folder: IndexFolder | undefined, hash64: Hash64, warn: Warn) {
		this.#folder = folder;
		this.#hash64 = hash64;
		this.#warn = warn;
	}

	/** Where other threads open it. */
	get path(): string | undefined {
		return this.#folder?.path;
	}

	/** True if someone has opened it, or tried to. */
	get isOpen(): boolean {
		return this.#opening !== undefined;
	}

	/** Undefined if there is none to be had: another process has it, or the cache cannot be used. */
	open(): Promise<OpenLevel | undefined> {
		this.#opening ??= this.#open();
		return this.#opening;
	}

	async #open(): Promise<OpenLevel | undefined> {
		const opened = await this.#folder?.open();
		if (opened === undefined) return undefined;
		this.#database = opened.database;
		try {
			const merged = await readMerged(opened.database, this.#hash64);
			return { ...opened, merged };
		} catch (error) {
			if (!isLevelDamage(error)) throw error;
			this.reportDamage(error);
			await this.#folder?.close(opened, false);
			this.#damage = undefined;
			return await this.#open();
		}
	}

	/** It is not to be trusted any more: said once, and dropped when next possible. Nothing is said of one that is closed already. */
	reportDamage(cause: unknown, database = this.#database): void {
		if (this.#damage !== undefined || database !== this.#database) return;
		this.#damage = cause ?? new Error("damaged");
		this.#warn({
			code: "INDEX_REBUILT",
			message: `the index in ${this.path} is damaged: it is built again`,
			cause,
		});
	}

	/**
	 * Does something with LevelDB. If that shows damage, it is done once more with an empty one; if that is of no use either,
	 * without. Undefined if there is none.
	 */
	async use<T>(work: (level: OpenLevel) => Promise<T>): Promise<T | undefined> {
		for (let tries = 0; tries < 2; tries++) {
			if (this.#damage !== undefined) await this.#renew();
			const level = await this.open();
			if (level === undefined) return undefined;
			try {
				return await work(level);
			} catch (error) {
				if (!isLevelDamage(error)) throw error;
				this.reportDamage(error);
			}
		}
		await this.#renew();
		this.#opening = Promise.resolve(undefined);
		return undefined;
	}

	async #renew(): Promise<void> {
		await this.close();
		this.#damage = undefined;
	}

	/** Merges segments, one after the other; the marker tells of each when all of it is written. */
	async merge(
		level: OpenLevel,
		segments: readonly SegmentSearch[],
	): Promise<void> {
		const { database, merged } = level;
		for (const search of segments) {
			const known = await mergeSegment(database, search, this.#hash64);
			const description = describeMerged(search);
			const { name } = search.file;
			const { repository, chunks, stale } = level.marker;
			level.marker = {
				repository,
				chunks: chunks + search.chunks - known,
				stale: Math.max(0, stale - known),
			};
			await database.batch([
				putMerged(name, description, this.#hash64),
				putMarker(level.marker, this.#hash64),
			]);
			merged.set(name, description);
		}
	}

	/** Forgets that these segments are merged; their places stay, for those of packs that are gone are never answered. */
	async takeOut(level: OpenLevel, names: readonly string[]): Promise<void> {
		if (names.length === 0) return;
		let { stale } = level.marker;
		const changes: Change[] = [];
		for (const name of names) {
			stale += level.merged.get(name)?.chunks ?? 0;
			changes.push({ type: "del", key: keyOf("g", idToBytes(name)) });
		}
		level.marker = { ...level.marker, stale };
		await level.database.batch([
			...changes,
			putMarker(level.marker, this.#hash64),
		]);
		for (const name of names) level.merged.delete(name);
	}

	/** Drops it if most of its places are of packs that are gone; then it is open again, and empty. */
	async dropIfStale(level: OpenLevel): Promise<OpenLevel | undefined> {
		const { stale, chunks } = level.marker;
		if (stale < staleWorthDropping || stale < chunks / 2) return level;
		await this.#folder?.close(level, false);
		this.#opening = undefined;
		return await this.open();
	}

	async close(): Promise<void> {
		const level = await this.#opening;
		this.#opening = undefined;
		this.#database = undefined;
		if (level !== undefined)
			await this.#folder?.close(level, this.#damage === undefined);
	}
}
