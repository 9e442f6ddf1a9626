import { createRequire } from "node:module";
import { encodeName } from "@varve/format";

export type Foreign = (...args: unknown[]) => number;

/** The C library of this process. */
export interface ForeignLibrary {
	/** Throws if there is no such symbol. */
	func(declaration: string): Foreign;
	/** The error of the call made last, with its errno code. */
	error(call: string): Error;
	/** The word of errno for the call made last. */
	code(): string;
}

interface Koffi {
	load(path: null): { func(declaration: string): Foreign };
	errno(): number;
	readonly os: { readonly errno: Readonly<Record<string, number>> };
}

/** Costs some milliseconds: call it once for each thread that needs it. undefined where the platform's own calls cannot be had. */
export function loadForeignLibrary(): ForeignLibrary | undefined {
	if (process.platform !== "linux" || !has64Bits()) return undefined;
	let koffi: Koffi;
	try {
		koffi = createRequire(import.meta.url)("koffi") as Koffi;
	} catch {
		// No binary for this platform.
		return undefined;
	}
	const library = koffi.load(null);
	const code = () => {
		const number = koffi.errno();
		const names = Object.entries(koffi.os.errno);
		return names.find(([, value]) => value === number)?.[0] ?? `E${number}`;
	};
	return {
		func: (declaration) => library.func(declaration),
		code,
		error(call) {
			const word = code();
			return Object.assign(new Error(`${word}: ${call} failed`), {
				code: word,
			});
		},
	};
}

/** And the little end first, as those who lay out structures here write them. */
function has64Bits(): boolean {
	return ["x64", "arm64", "riscv64", "loong64"].includes(process.arch);
}

/** The bytes of a path, with the zero byte at its end. */
export function terminated(path: string): Uint8Array {
	return withZero(encodeName(path));
}

export function withZero(bytes: Uint8Array): Uint8Array {
	const name = new Uint8Array(bytes.length + 1);
	name.set(bytes);
	return name;
}
