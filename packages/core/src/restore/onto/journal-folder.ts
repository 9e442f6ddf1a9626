import {
	type BigIntStats,
	lstatSync,
	readdirSync,
	readFileSync,
	rmSync,
} from "node:fs";
import { journalPrefix } from "../../journal-folder.ts";
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

/** By state. */
export const stateFiles = {
	begun: "begun",
	ready: "journal",
	done: "done",
	over: "over",
} as const;
export const partName = "part-of";
const slotsName = "slots";
const maxRemovals = 100;

/** The folder of a journal in one home: open, so that it stays the same whatever is moved above it. */
export class JournalFolder {
	readonly id: string;
	readonly #top: Top;
	/** Of the home, below its top. */
	readonly #home: string;
	readonly #changes: Changes;
	readonly #folder: TargetDirectory;
	readonly #slots: TargetDirectory | undefined;
	#isOpen = true;

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

	/** An error "ESTALE" if it is another user's by now: then it is not the one that was found. */
	static open(
		id: string,
		home: { readonly top: Top; readonly suffix: string },
		changes: Changes,
	): JournalFolder {
		const folder = new JournalFolder(id, home, changes);
		const self = systemPath(`${folder.#folder.self}/.`);
		if (belongsToMe(lstatSync(self, { bigint: true }))) return folder;
		folder.close();
		throw Object.assign(new Error("ESTALE: it is another user's"), {
			code: "ESTALE",
		});
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
	belongTo({ path }: JournalFolder, of: Part["of"]): void {
		const part: Part = { first: path, of };
		const texts = [JSON.stringify(part)];
		this.#changes.writeDurably(this.#folder.self, partName, texts);
	}

	begin(header: JournalHeader): void {
		this.#changes.writeDurably(this.#folder.self, stateFiles.begun, [
			encodeHeader(header),
		]);
	}

	/** The journal is durable, and with it all that the caller has made so before. */
	write(journal: Journal): void {
		this.#changes.writeDurably(
			this.#folder.self,
			stateFiles.ready,
			encodeJournal(journal),
		);
	}

	become(from: "ready" | "done", to: "ready" | "done" | "over"): void {
		this.#changes.rename(this.#folder.self, stateFiles[from], stateFiles[to]);
	}

	read(state: "ready" | "done"): Journal {
		return decodeJournal(this.#bytes(stateFiles[state]), this.path);
	}

	readHeader(): JournalHeader {
		return decodeHeader(this.#bytes(stateFiles.begun), this.path);
	}

	/** When the journal was written, in ns since 1970: all that was made lay in the slots by then. */
	since(state: "ready" | "done"): bigint {
		const path = systemPath(`${this.#folder.self}/${stateFiles[state]}`);
		return lstatSync(path, { bigint: true }).mtimeNs;
	}

	/** Puts a note beside the journal: whole, or not at all. */
	note(name: string, texts: Iterable<string>): void {
		// One that was killed may have left half of it.
		this.dropNote(`${name}.new`);
		this.#changes.writeDurably(this.#folder.self, name, texts);
	}

	/** undefined if there is none. */
	noted(name: string): string | undefined {
		try {
			return Buffer.from(this.#bytes(name)).toString("utf8");
		} catch (error) {
			if (codeOf(error) !== "ENOENT") throw error;
			return undefined;
		}
	}

	/** Names of all that lies beside the journal, itself included. */
	get names(): readonly string[] {
		return readdirSync(systemPath(this.#folder.self));
	}

	/** Takes a note away if it is there. */
	dropNote(name: string): void {
		if (!this.#isOpen) return;
		rmSync(systemPath(`${this.#folder.self}/${name}`), { force: true });
	}

	/** Removes the folder with all in it; the home keeps its time. */
	remove(): void {
		this.close();
		const own = `${this.#home}/${journalPrefix}${this.id}`;
		for (let tries = 1; ; tries++)
			try {
				this.#changes.removeTree(this.#top.tree, own);
				return;
			} catch (error) {
				// Who comes too late for it says that they want it, too, and withdraws when they see that it is over: names come and go.
				const code = codeOf(error) ?? "";
				const isOthers = code === "ENOTEMPTY" || code === "ENOENT";
				if (!isOthers || tries >= maxRemovals) throw error;
				if (!isThere(this.#top.tree.pathText(own))) return;
			}
	}

	close(): void {
		this.#isOpen = false;
		if (this.#slots !== undefined) this.#top.release(this.#slots);
		this.#top.release(this.#folder);
		this.#top.tree.forget(`${this.#home}/${journalPrefix}${this.id}`);
	}

	#bytes(name: string): Uint8Array {
		return readFileSync(systemPath(`${this.#folder.self}/${name}`));
	}
}

interface Part {
	/** Path of the folder that holds the journal. */
	readonly first: string;
	/** As of the home. */
	readonly of?: readonly string[] | undefined;
}

/** A folder that lay in what was restored has said only where the first one is. */
export function decodePart(text: string): Part {
	return text.startsWith("/") ? { first: text } : JSON.parse(text);
}

/** It is mine, and nobody else can write to it. Where there are no such users, nothing can be said. */
export function belongsToMe({
	uid,
	mode,
}: Pick<BigIntStats, "uid" | "mode">): boolean {
	const user = process.geteuid?.();
	if (user === undefined) return true;
	return uid === BigInt(user) && (mode & 0o077n) === 0n;
}

function isThere(path: string): boolean {
	return lstatSync(systemPath(path), { throwIfNoEntry: false }) !== undefined;
}
