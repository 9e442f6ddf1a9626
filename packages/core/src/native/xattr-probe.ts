import { utf8 } from "@varve/format";
import {
	type Foreign,
	type ForeignLibrary,
	loadForeignLibrary,
	terminated,
} from "./foreign.ts";

/** What SELinux gives to every entry, as listxattr(2) names it: to tell of it would say nothing. */
const label = utf8("security.selinux\0");

interface Calls {
	readonly ofOpen: Foreign;
	readonly ofPath: Foreign;
}

/**
 * Tells which entries have extended attributes; ACLs and file capabilities are some too. Loads the C library when it is first asked,
 * some milliseconds for each thread. Where there is none, and of an entry that does not say, the answer is false: it is for a remark
 * in a report, and nothing that is kept goes by it.
 */
export class XattrProbe {
	readonly #load: () => ForeignLibrary | undefined;
	readonly #names = new Uint8Array(label.length);
	#calls: Calls | "unknown" | "none" = "unknown";

	constructor(load = loadForeignLibrary) {
		this.#load = load;
	}

	ofOpen(fd: number): boolean {
		if (this.#calls === "unknown") this.#calls = this.#declare();
		return this.#calls !== "none" && this.#hasSome(this.#calls.ofOpen, fd);
	}

	/** Of the entry itself, also if it is a symlink. */
	ofPath(path: string): boolean {
		if (this.#calls === "unknown") this.#calls = this.#declare();
		if (this.#calls === "none") return false;
		return this.#hasSome(this.#calls.ofPath, terminated(path));
	}

	/** The length of the names, each with a zero byte, tells enough, unless it is that of the label alone. */
	#hasSome(list: Foreign, entry: number | Uint8Array): boolean {
		const length = list(entry, null, 0);
		if (length !== label.length) return length > 0;
		const names = this.#names;
		return (
			list(entry, names, names.length) !== names.length ||
			names.some((byte, i) => byte !== label[i])
		);
	}

	#declare(): Calls | "none" {
		const library = this.#load();
		if (library === undefined) return "none";
		try {
			return {
				ofOpen: library.func(
					"long flistxattr(int fd, uint8_t *list, size_t size)",
				),
				ofPath: library.func(
					"long llistxattr(const uint8_t *path, uint8_t *list, size_t size)",
				),
			};
		} catch {
			// A C library without these calls.
			return "none";
		}
	}
}
