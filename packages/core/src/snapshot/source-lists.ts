import { type Bytes, decodeName, InputError } from "@varve/format";

/** What a file of patterns or paths says, line by line: white space around lines, empty lines and those that begin with # do not count. */
export function parseLines(bytes: Bytes): string[] {
	return decodeName(bytes)
		.replace(/^\ufeff/, "")
		.split("\n")
		.map((line) => line.trim())
		.filter((line) => line !== "" && !line.startsWith("#"));
}

/** Paths, each ended by a zero byte, taken as they are: any bytes but zero. InputError (code "BAD_LIST") for an empty one. */
export function parseRawPaths(bytes: Bytes): string[] {
	if (bytes.length === 0) return [];
	const paths = decodeName(bytes).split("\0");
	if (paths.at(-1) === "") paths.pop();
	if (paths.includes(""))
		throw new InputError(
			"BAD_LIST",
			"the list of paths ended by zero bytes holds an empty path",
		);
	return paths;
}
