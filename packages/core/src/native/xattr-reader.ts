import { type Attribute, type Bytes, compareBytes } from "@varve/format";
import {
	type Foreign,
	type ForeignLibrary,
	loadForeignLibrary,
	terminated,
	withZero,
} from "./foreign.ts";
import { reach } from "./long-path.ts";

/** What an entry has beside its content and lstat. */
export interface XattrsFound {
	/** Sorted by name. */
	readonly xattrs: readonly Attribute[];
	/** There are some that could not be read. */
	readonly partial: boolean;
}

export const noXattrs: XattrsFound = { xattrs: [], partial: false };
const unreadable: XattrsFound = { xattrs: [], partial: true };

interface Calls {
	readonly library: ForeignLibrary;
	readonly listOpen: Foreign;
	readonly listPath: Foreign;
	readonly getOpen: Foreign;
	readonly getPath: Foreign;
}

/** The calls for one entry, by its descriptor or its path. */
interface Entry {
	/** The names, into `#names`. */
	list(): number;
	get(name: Uint8Array, buffer: Uint8Array | null, size: number): number;
	code(): string;
}

/** XATTR_LIST_MAX of Linux. */
const maxBytes = 65_536;
/** Enough for nearly all; the kernel takes as much memory as it is offered, which costs more than the rest of the call. */
const usualBytes = 1024;
/** Of a value. Values live in trees, whose bytes must fit in one frame. */
const maxValue = 1024 * 1024;
/** How often what grew between two calls is asked for again. */
const attempts = 8;

/**
 * Reads extended attributes, all that the system names: `user.*`, ACLs, capabilities, labels, and `trusted.*` for who may see them.
 * Loads the C library when it is first asked, some milliseconds for each thread.
 */
export class XattrReader {
	readonly #load: () => ForeignLibrary | undefined;
	readonly #names = Buffer.allocUnsafeSlow(maxBytes);
	readonly #value = Buffer.allocUnsafeSlow(usualBytes);
	#calls: Calls | "unknown" | "none" = "unknown";

	constructor(load = loadForeignLibrary) {
		this.#load = load;
	}

	/** False where the platform's calls cannot be had: then nobody has any, as far as this can tell. */
	get available(): boolean {
		return this.#declared() !== undefined;
	}

	ofOpen(fd: number): XattrsFound {
		const calls = this.#declared();
		if (calls === undefined) return noXattrs;
		// Nearly every file has none.
		if (calls.listOpen(fd, this.#names, usualBytes) === 0) return noXattrs;
		return this.#read({
			list: () => calls.listOpen(fd, this.#names, maxBytes),
			get: (name, buffer, size) => calls.getOpen(fd, name, buffer, size),
			code: () => calls.library.code(),
		});
	}

	/** Of the entry itself, also if it is a symlink. One that is gone has none. */
	ofPath(path: string): XattrsFound {
		const calls = this.#declared();
		if (calls === undefined) return noXattrs;
		try {
			return reach(path, (reached) => {
				const place =
					typeof reached === "string" ? terminated(reached) : withZero(reached);
				if (calls.listPath(place, this.#names, usualBytes) === 0)
					return noXattrs;
				return this.#read({
					list: () => calls.listPath(place, this.#names, maxBytes),
					get: (name, buffer, size) => calls.getPath(place, name, buffer, size),
					code: () => calls.library.code(),
				});
			});
		} catch (error) {
			// A directory on the way to a long path is gone, or cannot be entered: whoever reads the entry will meet the same.
			if ((error as { code?: unknown }).code === undefined) throw error;
			return unreadable;
		}
	}

	#read(entry: Entry): XattrsFound {
		const length = entry.list();
		if (length === 0) return noXattrs;
		if (length < 0) return withoutList(entry.code());
		const xattrs: Attribute[] = [];
		let partial = false;
		for (const name of namesIn(this.#names.subarray(0, length))) {
			if (isAlias(name)) continue;
			const value = this.#valueOf(entry, name);
			if (value === "unreadable") partial = true;
			else if (value !== "gone")
				xattrs.push({ name: Uint8Array.from(name.subarray(0, -1)), value });
		}
		xattrs.sort((a, b) => compareBytes(a.name, b.name));
		return { xattrs, partial };
	}

	/** `name` has a zero byte at its end. */
	#valueOf(entry: Entry, name: Uint8Array): Bytes | "gone" | "unreadable" {
		let buffer: Uint8Array = this.#value;
		for (let attempt = 0; attempt < attempts; attempt++) {
			const length = entry.get(name, buffer, buffer.length);
			if (length >= 0) return Uint8Array.from(buffer.subarray(0, length));
			const code = entry.code();
			if (gone.has(code)) return "gone";
			if (code !== "ERANGE") return "unreadable";
			// It may be longer again by the next call.
			const wanted = entry.get(name, null, 0);
			if (wanted > maxValue) return "unreadable";
			if (wanted > buffer.length) buffer = new Uint8Array(wanted);
		}
		return "unreadable";
	}

	#declared(): Calls | undefined {
		if (this.#calls === "unknown") this.#calls = this.#declare();
		return this.#calls === "none" ? undefined : this.#calls;
	}

	#declare(): Calls | "none" {
		const library = this.#load();
		if (library === undefined) return "none";
		const list = (call: string, entry: string) =>
			library.func(`long ${call}(${entry}, uint8_t *list, size_t size)`);
		const get = (call: string, entry: string) =>
			library.func(
				`long ${call}(${entry}, const uint8_t *name, uint8_t *value, size_t size)`,
			);
		try {
			return {
				library,
				listOpen: list("flistxattr", "int fd"),
				listPath: list("llistxattr", "const uint8_t *path"),
				getOpen: get("fgetxattr", "int fd"),
				getPath: get("lgetxattr", "const uint8_t *path"),
			};
		} catch {
			// A C library without these calls.
			return "none";
		}
	}
}

/** Codes of an entry or attribute that is not there any more. */
const gone: ReadonlySet<string> = new Set(["ENODATA", "ENOENT", "ENOTDIR"]);
/** A file system without them, or a system: ENOTSUP, which is EOPNOTSUPP on Linux. */
const none: ReadonlySet<string> = new Set(["ENOTSUP", "EOPNOTSUPP", "ENOSYS"]);

function withoutList(code: string): XattrsFound {
	return none.has(code) || gone.has(code) ? noXattrs : unreadable;
}

/** By which xfs shows ACLs a second time, to root alone, in another form: given back, they would undo what the others say. */
const aliases: ReadonlySet<string> = new Set([
	"trusted.SGI_ACL_FILE",
	"trusted.SGI_ACL_DEFAULT",
]);

function isAlias(name: Uint8Array): boolean {
	return aliases.has(Buffer.from(name.subarray(0, -1)).toString("latin1"));
}

/** Each with the zero byte at its end. */
function* namesIn(list: Uint8Array): Generator<Uint8Array> {
	for (let start = 0; start < list.length; ) {
		const end = list.indexOf(0, start) + 1;
		if (end === 0) return;
		if (end > start + 1) yield list.subarray(start, end);
		start = end;
	}
}
