import { type ForeignLibrary, terminated } from "./foreign.ts";

/** linkat(2): gives an open entry, of any kind, one more name in an open directory. Failures are errors with an errno code. */
export type LinkOpen = (
	descriptor: number,
	directory: number,
	name: string,
) => void;

/** AT_SYMLINK_FOLLOW: of the link in /proc that stands for the descriptor, to the entry itself and no further. */
const followLink = 0x400;
const workingDirectory = -100;

/** undefined with a C library that has no such symbol. Needs /proc. */
export function declareLinkOpen(library: ForeignLibrary): LinkOpen | undefined {
	try {
		const linkat = library.func(
			"int linkat(int from, const uint8_t *path, int to, const uint8_t *name, int flags)",
		);
		return (descriptor, directory, name) => {
			const from = terminated(`/proc/self/fd/${descriptor}`);
			const to = terminated(name);
			if (linkat(workingDirectory, from, directory, to, followLink) !== 0)
				throw library.error("link");
		};
	} catch {
		return undefined;
	}
}
