import { closeSync, constants, openSync } from "node:fs";
import { codeOf, systemPath } from "../system.ts";
import { type ForeignLibrary, loadForeignLibrary } from "./foreign.ts";

/** ioctl FS_IOC_FSGETXATTR of Linux, and the struct fsxattr it fills. */
const getAttributes = 0x801c_581f;
const structBytes = 28;
const projectAt = 12;

/**
 * Of a directory (a path text): the project that a quota counts what is in it for. The file system lets nothing be moved into a directory
 * of another project that hands its own on. 0 where there are none, or nobody can say.
 */
export function projectOf(
	path: string,
	load: () => ForeignLibrary | undefined = loadForeignLibrary,
): number {
	const library = load();
	if (library === undefined) return 0;
	const fd = openSync(
		systemPath(path),
		constants.O_RDONLY | (constants.O_DIRECTORY ?? 0),
	);
	try {
		const ioctl = library.func(
			"int ioctl(int fd, ulong request, uint8_t *attributes)",
		);
		const attributes = new Uint8Array(structBytes);
		if (ioctl(fd, getAttributes, attributes) !== 0) return 0;
		return new DataView(attributes.buffer).getUint32(projectAt, true);
	} catch (error) {
		if (codeOf(error) === undefined) throw error;
		return 0;
	} finally {
		closeSync(fd);
	}
}
