import { createHash } from "node:crypto";
import type { FileKind } from "@varve/store";
import type { Repository } from "../../packages/core/src/repository.ts";

export type Verb =
	| "list"
	| "read"
	| "put"
	| "sync"
	| "remove"
	| "fence"
	| "sleep";

/** One call of a process to its backend, which waits for its turn. */
export interface Step {
	readonly verb: Verb;
	readonly kind: FileKind | "";
	readonly name: string;
	readonly run: () => Promise<unknown>;
	readonly resolve: (value: unknown) => void;
	readonly reject: (error: unknown) => void;
}

export type Role = "writer" | "gc" | "forget" | "unforget" | "reader" | "pin";

export interface Program {
	readonly name: string;
	readonly role: Role;
	/** What a reader reads. */
	readonly reads?: string;
	readonly run: (
		repository: Repository,
		pause: () => Promise<void>,
	) => Promise<unknown>;
}

/** A process: it goes on by one step when it is told to. */
export class Process {
	readonly program: Program;
	readonly waiting: Step[] = [];
	readonly #hash = createHash("sha256");
	#seen = "";
	steps = 0;
	done = false;
	killed = false;
	suspected = false;
	lease = "";
	outcome: { readonly value?: unknown; readonly error?: unknown } | undefined;

	constructor(program: Program) {
		this.program = program;
	}

	get name(): string {
		return this.program.name;
	}

	get canGo(): boolean {
		return !this.killed && !this.done;
	}

	/** Everything it has been told so far: with that, what it will do is settled. */
	get history(): string {
		this.#seen ||= this.#hash.copy().digest("hex").slice(0, 24);
		return this.#seen;
	}

	learn(what: string): void {
		this.#hash.update(what);
		this.#seen = "";
	}
}

/** Until a process waits for its next step, or has ended; then once more, for what it does side by side. */
export async function quiet(process: Process): Promise<void> {
	const begun = performance.now();
	for (let turn = 0; process.waiting.length === 0 && !process.done; turn++) {
		await new Promise((resolve) =>
			turn < 1000 ? setImmediate(resolve) : setTimeout(resolve, 1),
		);
		if (turn > 1000 && performance.now() - begun > 20_000)
			throw new Error(`${process.name} hangs`);
	}
	await new Promise((resolve) => setImmediate(resolve));
}
