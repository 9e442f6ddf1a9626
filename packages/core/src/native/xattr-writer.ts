import type { Bytes } from "@varve/format";
import { type Foreign, type ForeignLibrary, terminated } from "./foreign.ts";

/** What of an entry is changed: by an open descriptor that can be written, or by a path. */
export type XattrPlace =
	| { readonly descriptor: number }
	| { readonly path: string; readonly followsLink: boolean };

/** Sets extended attributes. Failures are errors with an errno code. */
export interface XattrWriter {
	set(place: XattrPlace, name: Bytes, value: Bytes): void;
	/** Nothing happens where there is none of this name, or where the file system knows no such attributes. */
	remove(place: XattrPlace, name: Bytes): void;
	/** False also where that cannot be told. */
	has(place: XattrPlace, name: Bytes): boolean;
}

/** undefined with a C library that has no such symbols. */
export function declareXattrWriter(
	library: ForeignLibrary,
): XattrWriter | undefined {
	try {
		const set = declare(library, "int", "set", [
			"const uint8_t *value",
			"size_t size",
			"int flags",
		]);
		const remove = declare(library, "int", "remove", []);
		const get = declare(library, "long", "get", [
			"uint8_t *value",
			"size_t size",
		]);
		return {
			set(place, name, value) {
				if (set(place, name, value, value.length, 0) !== 0)
					throw library.error("setxattr");
			},
			remove(place, name) {
				if (remove(place, name) === 0) return;
				if (!absent.has(library.code())) throw library.error("removexattr");
			},
			has: (place, name) => get(place, name, null, 0) >= 0,
		};
	} catch {
		// A C library without these calls.
		return undefined;
	}
}

/** Codes of an attribute that is not there, or cannot be. */
const absent: ReadonlySet<string> = new Set([
	"ENODATA",
	"ENOTSUP",
	"EOPNOTSUPP",
]);

type Call = (place: XattrPlace, name: Bytes, ...rest: unknown[]) => number;

/** The three forms of a call, by what it is given. */
function declare(
	library: ForeignLibrary,
	result: string,
	verb: string,
	parameters: readonly string[],
): Call {
	const form = (prefix: string, entry: string): Foreign => {
		const list = [entry, "const uint8_t *name", ...parameters].join(", ");
		return library.func(`${result} ${prefix}${verb}xattr(${list})`);
	};
	const byDescriptor = form("f", "int fd");
	const byPath = form("", "const uint8_t *path");
	const byLink = form("l", "const uint8_t *path");
	return (place, name, ...rest) => {
		const words = withZero(name);
		if ("descriptor" in place)
			return byDescriptor(place.descriptor, words, ...rest);
		const call = place.followsLink ? byPath : byLink;
		return call(terminated(place.path), words, ...rest);
	};
}

function withZero(name: Bytes): Bytes {
	const bytes = new Uint8Array(name.length + 1);
	bytes.set(name);
	return bytes;
}
