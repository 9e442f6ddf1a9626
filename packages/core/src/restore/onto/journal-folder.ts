import {
	type BigIntStats,
	lstatSync,
	readdirSync,
	readFileSync,
} from "node:fs";
import { decodeName } from "@varve/format";
import { isJournalName, journalPrefix } from "../../journal-folder.ts";
import { codeOf, systemPath } from "../../system.ts";
import type { TargetDirectory } from "../target-tree.ts";
import type { Changes } from "./changes.ts";
import {
	decodeHeader,
	decodeJournal,
	encodeHeader,
	encodeJournal,
	type Journal,
	type JournalHeader,
} from "./journal.ts";
import type { Top } from "./tops.ts";

/**
 * How far a restore has come, by the file that its folder holds. "begun": what is new is being written into slots, and nothing else was
 * touched. "ready": the journal is whole, and steps are being taken or taken back. "done": all steps were taken. "over": nothing in the
 * folder is of use any more. "bare": the folder was made, and nothing else. The folder in another home than the first says which one
 * that is, and has its state.
 */
export type JournalState = "bare" | "begun" | "ready" | "done" | "over";

const files = { begun: "begun", ready: "journal", done: "done", over: "over" };
const partName = "part-of";
const slotsName = "slots";

/** The folder of a journal in one home: open, so that it stays the same whatever is moved above it. */
export class JournalFolder {
	readonly id: string;
	readonly #top: Top;
	/** Of the home, below its top. */
	readonly #home: string;
	readonly #changes: Changes;
	readonly #folder: TargetDirectory;
	readonly #slots: TargetDirectory | undefined;

	private constructor(
		id: string,
		{ top, suffix }: { readonly top: Top; readonly suffix: string },
		changes: Changes,
	) {
		this.id = id;
		this.#top = top;
		this.#home = suffix;
		this.#changes = changes;
		const own = `${suffix}/${journalPrefix}${id}`;
		this.#folder = top.hold(own);
		this.#slots = isThere(`${this.#folder.self}/${slotsName}`)
			? top.hold(`${own}/${slotsName}`)
			: undefined;
	}

	static create(
		id: string,
		home: { readonly top: Top; readonly suffix: string },
		changes: Changes,
	): JournalFolder {
		const { self } = home.top.tree.directory(home.suffix);
		changes.makeDirectory(`${self}/${journalPrefix}${id}`);
		changes.makeDirectory(`${self}/${journalPrefix}${id}/${slotsName}`);
		changes.syncDirectory(self);
		return new JournalFolder(id, home, changes);
	}

	static open(
		id: string,
		home: { readonly top: Top; readonly suffix: string },
		changes: Changes,
	): JournalFolder {
		return new JournalFolder(id, home, changes);
	}

	/** As users see it. */
	get path(): string {
		return this.#top.display(`${this.#home}/${journalPrefix}${this.id}`);
	}

	/** Leads to the slots. */
	get slots(): TargetDirectory {
		if (this.#slots === undefined) throw new Error("the journal has no slots");
		return this.#slots;
	}

	/** Says that the journal is in another folder. */
	belongTo({ path }: JournalFolder): void {
		this.#changes.writeDurably(this.#folder.self, partName, [path]);
	}

	begin(header: JournalHeader): void {
		this.#changes.writeDurably(this.#folder.self, files.begun, [
			encodeHeader(header),
		]);
	}

	/** The journal is durable, and with it all that the caller has made so before. */
	write(journal: Journal): void {
		this.#changes.writeDurably(
			this.#folder.self,
			files.ready,
			encodeJournal(journal),
		);
	}

	become(from: "ready" | "done", to: "ready" | "done" | "over"): void {
		this.#changes.rename(this.#folder.self, files[from], files[to]);
	}

	read(state: "ready" | "done"): Journal {
		return decodeJournal(this.#bytes(files[state]), this.path);
	}

	readHeader(): JournalHeader {
		return decodeHeader(this.#bytes(files.begun), this.path);
	}

	/** When the journal was written, in ns since 1970: all that was made lay in the slots by then. */
	since(state: "ready" | "done"): bigint {
		const path = systemPath(`${this.#folder.self}/${files[state]}`);
		return lstatSync(path, { bigint: true }).mtimeNs;
	}

	/** Removes the folder with all in it; the home keeps its time. */
	remove(): void {
		this.close();
		const own = `${this.#home}/${journalPrefix}${this.id}`;
		this.#changes.removeTree(this.#top.tree, own);
	}

	close(): void {
		if (this.#slots !== undefined) this.#top.release(this.#slots);
		this.#top.release(this.#folder);
		this.#top.tree.forget(`${this.#home}/${journalPrefix}${this.id}`);
	}

	#bytes(name: string): Uint8Array {
		return readFileSync(systemPath(`${this.#folder.self}/${name}`));
	}
}

export interface FoundJournal {
	readonly id: string;
	readonly state: JournalState;
	/** The journal itself is in the folder of another home. */
	readonly isPart: boolean;
	/** Nobody else can have written it: only then may anything be done because of what it says. */
	readonly isOwn: boolean;
}

/** The journals in a directory (a path text). None where it cannot be read, or is not there. */
export function findJournals(directory: string): readonly FoundJournal[] {
	return namesIn(directory)
		.filter(isJournalName)
		.flatMap((name): FoundJournal[] => {
			const stat = statOf(`${directory}/${name}`);
			if (stat?.isDirectory() !== true) return [];
			const id = name.slice(journalPrefix.length);
			const path = `${directory}/${name}`;
			const isOwn = belongsToMe(stat);
			const names = namesIn(path);
			const isPart = names.includes(partName);
			if (!isPart || !isOwn)
				return [{ id, state: stateOf(names), isPart, isOwn }];
			const first = readFileSync(systemPath(`${path}/${partName}`), "utf8");
			return [{ id, state: stateOf(namesIn(first)), isPart, isOwn }];
		});
}

/** And nobody else can write to it. Where there are no such users, nothing can be said. */
function belongsToMe({ uid, mode }: BigIntStats): boolean {
	const user = process.geteuid?.();
	if (user === undefined) return true;
	return uid === BigInt(user) && (mode & 0o077n) === 0n;
}

/** A file that a state has left behind is taken away only after that of the next one has come. */
function stateOf(names: readonly string[]): JournalState {
	for (const state of ["over", "done", "ready", "begun"] as const)
		if (names.includes(files[state])) return state;
	return "bare";
}

function namesIn(directory: string): readonly string[] {
	try {
		const names = readdirSync(systemPath(directory || "/"), {
			encoding: "buffer",
		});
		return names.map((bytes) => decodeName(Uint8Array.from(bytes)));
	} catch (error) {
		if (codeOf(error) === undefined) throw error;
		return [];
	}
}

function isThere(path: string): boolean {
	return statOf(path) !== undefined;
}

function statOf(path: string): BigIntStats | undefined {
	return lstatSync(systemPath(path), { bigint: true, throwIfNoEntry: false });
}
