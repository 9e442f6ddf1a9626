import { isSet, setBit } from "./bits.ts";

/** What it brings to make a frame anew, in bytes. */
export interface Remake {
	/** What the frame takes more, as it has fewer bases. */
	readonly grown: number;
	/** What bases take that are not needed then, less what the frame grows. */
	readonly gain: number;
	/** What is dead in the frame. */
	readonly dead: number;
	/** Bases that other frames need too stay, whatever becomes of these: it is not worth it without. */
	readonly keepsShared: boolean;
}

/** Of the chunks and frames of one segment: who needs a chunk only as a base, and which frames are to be made anew. */
export class BaseUse {
	/** A bit for each row that is live for itself. */
	readonly #needed: Uint8Array;
	/** Of each row: frames that it is a base of; 255 for all above. */
	readonly #users: Uint8Array;
	readonly #remakes = new Map<number, Remake>();

	/** `live` has a bit for each row; what becomes live after this is live as a base. */
	constructor(live: Uint8Array, rows: number) {
		this.#needed = live.slice();
		this.#users = new Uint8Array(rows);
	}

	addUser(row: number): void {
		const users = this.#users;
		users[row] = Math.min(255, (users[row] as number) + 1);
	}

	/** It stays, whatever frames are made anew. */
	setNeeded(row: number): void {
		setBit(this.#needed, row);
	}

	/** How many frames need the chunk, as a base; 0 if something else needs it too. */
	usersOf(row: number): number {
		return isSet(this.#needed, row) ? 0 : (this.#users[row] as number);
	}

	/** What is live in the frame is to be stored without those of its bases that nothing else needs. */
	remake(frame: number, remake: Remake): void {
		this.#remakes.set(frame, remake);
	}

	keep(frame: number): void {
		this.#remakes.delete(frame);
	}

	remakeOf(frame: number): Remake | undefined {
		return this.#remakes.get(frame);
	}

	get remakes(): ReadonlyMap<number, Remake> {
		return this.#remakes;
	}

	/** No frame is made anew. */
	keepAll(): void {
		this.#remakes.clear();
	}
}
