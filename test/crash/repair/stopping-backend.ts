import type { RemoveBackend, Stage } from "@varve/store";

/** A backend that stops who uses it before the n-th call that can wait, for as long as `meanwhile` takes. */
export class StoppingBackend {
	readonly backend: RemoveBackend;
	calls = 0;
	stoppedAt = "";
	readonly #at: number;
	readonly #meanwhile: () => Promise<void>;
	readonly #stages = new WeakMap<object, Stage>();

	constructor(
		inner: RemoveBackend,
		at: number,
		meanwhile: () => Promise<void>,
	) {
		this.#at = at;
		this.#meanwhile = meanwhile;
		this.backend = this.#stopping(inner);
	}

	#stopping<T extends object>(inner: T): T {
		return new Proxy(inner, {
			get: (target, name) => {
				const member: unknown = Reflect.get(target, name, target);
				// What is synchronous cannot be stopped, and closing is no part of the work.
				if (typeof member !== "function" || name === "close") return member;
				return async (...words: unknown[]) => {
					await this.#step(String(name));
					const given = words.map(
						(word) => this.#stages.get(Object(word)) ?? word,
					);
					const result: unknown = await member.apply(target, given);
					if (name !== "stage") return result;
					const stage = this.#stopping(result as Stage);
					this.#stages.set(stage, result as Stage);
					return stage;
				};
			},
		});
	}

	async #step(name: string): Promise<void> {
		if (++this.calls !== this.#at) return;
		this.stoppedAt = name;
		await this.#meanwhile();
	}
}
