/**
 * Tells by the name alone which entries some patterns can match, so that the others cost one look-up instead of every pattern.
 * It may say yes too often, never no.
 */
export class NameSieve {
	readonly #exact = new Set<string>();
	readonly #prefixes: string[] = [];
	readonly #suffixes: string[] = [];
	readonly #ignoreCase: boolean;
	#open = false;

	/** Patterns are lines of a .gitignore. */
	constructor(patterns: readonly string[], ignoreCase: boolean) {
		this.#ignoreCase = ignoreCase;
		for (const pattern of patterns) this.#take(pattern);
	}

	admits(name: string): boolean {
		if (this.#open) return true;
		const text = this.#ignoreCase ? name.toLowerCase() : name;
		return (
			this.#exact.has(text) ||
			this.#suffixes.some((suffix) => text.endsWith(suffix)) ||
			this.#prefixes.some((prefix) => text.startsWith(prefix))
		);
	}

	#take(pattern: string): void {
		const last = lastComponent(pattern);
		const unsure = last === "" || /[\\[?\ufeff]| $/.test(last);
		// Folding of letters beyond ASCII is the pattern library's matter.
		if (unsure || (this.#ignoreCase && /[^ -~]/.test(last))) this.#open = true;
		else this.#sort(this.#ignoreCase ? last.toLowerCase() : last);
	}

	#sort(last: string): void {
		const star = last.indexOf("*");
		if (star < 0) this.#exact.add(last);
		else if (last.includes("*", star + 1)) this.#open = true;
		else if (star === 0) this.#suffixes.push(last.slice(1));
		else if (star === last.length - 1) this.#prefixes.push(last.slice(0, -1));
		else this.#open = true;
	}
}

function lastComponent(pattern: string): string {
	const body = pattern.replace(/^!/, "").replace(/\/$/, "");
	return body.slice(body.lastIndexOf("/") + 1);
}
