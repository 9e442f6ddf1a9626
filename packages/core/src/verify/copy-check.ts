import {
	decodeConfig,
	FrameKind,
	type PackKind,
	type SnapshotId,
	type Trailer,
	type VarveError,
} from "@varve/format";
import type { ListedFile } from "@varve/store";
import { areKept } from "../copies/keep-copies.ts";
import { lostOriginals } from "../copies/lost-originals.ts";
import { attemptRead } from "../damage.ts";
import type { Repository } from "../repository.ts";
import type { Faults } from "./faults.ts";
import { PackEnds } from "./pack-ends.ts";
import type { PackToRead } from "./pack-queue.ts";

export interface CopyCheckOptions {
	readonly repository: Repository;
	readonly faults: Faults;
	/** Packs that are condemned: they and their copies may be gone already. */
	readonly condemned: ReadonlySet<string>;
}

/** Checks second copies: that each has an original of the same size, and, where originals are read, that its bytes are what they should be. */
export class CopyCheck {
	readonly #options: CopyCheckOptions;
	readonly #ends: PackEnds;
	readonly #packs: ReadonlyMap<string, ListedFile>;
	readonly #records: ReadonlySet<string>;
	readonly #hasConfig: boolean;
	/** Files that should have a copy and have none. */
	missing = 0;

	private constructor(
		options: CopyCheckOptions,
		packs: readonly ListedFile[],
		records: ReadonlySet<string>,
		hasConfig: boolean,
	) {
		const { backend, tools } = options.repository;
		this.#options = options;
		const hash64 = (bytes: Uint8Array) => tools.hash64(bytes);
		this.#ends = new PackEnds(backend.blocking, hash64, "copies/packs");
		this.#packs = new Map(packs.map((file) => [file.name, file]));
		this.#records = records;
		this.#hasConfig = hasConfig;
	}

	/** Lists the copies. Originals must have been listed before, and must be told to `pack` and `record`. */
	static async open(options: CopyCheckOptions): Promise<CopyCheck> {
		const { backend } = options.repository;
		const packs = await backend.list("copies/packs");
		const records = await backend.list("copies/snapshots");
		const config = await backend.size("copies/config", "config");
		return new CopyCheck(
			options,
			packs,
			new Set(records.map(({ name }) => name)),
			config !== undefined,
		);
	}

	/** Checks the small ones whole, and finds originals that are lost. */
	async checkFiles(listed: readonly string[]): Promise<void> {
		const { repository } = this.#options;
		if (areKept(repository)) {
			if (!this.#hasConfig) this.missing++;
			for (const name of listed) if (!this.#records.has(name)) this.missing++;
		}
		if (this.#hasConfig) {
			await this.#checkConfig();
			await this.#requireConfig();
		}
		for (const name of this.#records) await this.#checkRecord(name);
		await this.#findLost();
	}

	async #checkConfig(): Promise<void> {
		const { backend, tools } = this.#options.repository;
		const read = async (kind: "config" | "copies/config") => {
			const bytes = await backend.read(kind, "config");
			return decodeConfig(bytes, (b) => tools.sha256Hex(b));
		};
		const problem = await problemOf(async () => {
			const copy = await read("copies/config");
			// What is wrong with the original is told of elsewhere.
			const original = await read("config").catch(() => copy);
			return JSON.stringify(original) === JSON.stringify(copy)
				? undefined
				: "it is not the same as config";
		});
		if (problem !== undefined) this.#fault("copies/config", "config", problem);
	}

	async #requireConfig(): Promise<void> {
		const { repository, faults } = this.#options;
		const size = await repository.backend.size("config", "config");
		if (size === undefined)
			faults.add({
				code: "BAD_CONFIG",
				message: "config is not there",
				file: { kind: "config", name: "config" },
				chunks: [],
			});
	}

	async #checkRecord(name: string): Promise<void> {
		const { backend, tools } = this.#options.repository;
		const problem = await problemOf(async () => {
			const bytes = await backend.read("copies/snapshots", name);
			return tools.sha256Hex(bytes) === name
				? undefined
				: "it does not match its id";
		});
		if (problem === undefined) return;
		// A sweep removes it before the record.
		const size = await backend.size("copies/snapshots", name);
		if (size !== undefined) this.#fault("copies/snapshots", name, problem);
	}

	async #findLost(): Promise<void> {
		const { repository, faults, condemned } = this.#options;
		for (const { name } of await lostOriginals(repository.backend, "snapshots"))
			faults.add({
				code: "MISSING_SNAPSHOT",
				message: `snapshots/${name} is not there, only its copy is`,
				file: { kind: "snapshots", name },
				chunks: [],
				snapshots: [name as SnapshotId],
			});
		for (const { name } of await lostOriginals(repository.backend, "packs"))
			if (!faults.packs.has(name) && !condemned.has(name))
				faults.add({
					code: "MISSING_PACK",
					message: `packs/${name} is not there, only its copy is`,
					file: { kind: "packs", name },
					chunks: [],
				});
	}

	/** Compares the copy of a pack with what its original is. */
	pack(
		{ name }: ListedFile,
		ends: {
			readonly kind?: PackKind | undefined;
			readonly trailer?: Trailer | undefined;
		},
	): void {
		const { repository, condemned } = this.#options;
		if (condemned.has(name)) return;
		if (!this.#packs.has(name)) {
			if (ends.kind === FrameKind.meta && areKept(repository)) this.missing++;
			return;
		}
		const trailer = this.#trailer(name);
		if (trailer instanceof Error)
			this.#fault("copies/packs", name, trailer.message);
		else if (trailer !== undefined && differs(trailer, ends.trailer))
			this.#fault("copies/packs", name, `it and packs/${name} differ`);
	}

	/** The copy of a pack, to be read; undefined if there is none, or none that can be read. */
	toRead({ name }: ListedFile): PackToRead | undefined {
		if (this.#options.condemned.has(name)) return undefined;
		const file = this.#packs.get(name);
		const trailer = this.#trailer(name);
		if (file === undefined || trailer === undefined || trailer instanceof Error)
			return undefined;
		const from = "copies/packs" as const;
		return { file, kind: FrameKind.meta, trailer, frames: undefined, from };
	}

	/** undefined if it is gone. */
	#trailer(name: string): Trailer | VarveError | undefined {
		const copy = this.#packs.get(name);
		if (copy === undefined) return undefined;
		const trailer = attemptRead(() => this.#ends.trailer(copy));
		return trailer instanceof Error && trailer.code === "NO_FILE"
			? undefined
			: trailer;
	}

	#fault(
		kind: "copies/config" | "copies/packs" | "copies/snapshots",
		name: string,
		problem: string,
	): void {
		const path = kind === "copies/config" ? kind : `${kind}/${name}`;
		this.#options.faults.add({
			code: "BAD_COPY",
			message: `${path} is damaged: ${problem}`,
			file: { kind, name },
			chunks: [],
		});
	}
}

/** The checksums of blocks say what is between header and trailer. An original whose trailer is damaged is told of elsewhere. */
function differs(copy: Trailer, original: Trailer | undefined): boolean {
	if (original === undefined) return false;
	return (
		copy.coveredLength !== original.coveredLength ||
		copy.blocks.some((block, i) => block !== original.blocks[i])
	);
}

async function problemOf(
	check: () => Promise<string | undefined>,
): Promise<string | undefined> {
	try {
		return await check();
	} catch (error) {
		const damage = attemptRead((): never => {
			throw error;
		});
		return damage.code === "NO_FILE" ? undefined : damage.message;
	}
}
