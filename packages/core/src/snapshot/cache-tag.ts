import { encodeName } from "@varve/format";
import type { DirectoryView } from "./exclude.ts";

/** A file whose presence says that the rest of its directory is left out. */
export interface Tag {
	readonly name: string;
	/** What the file must begin with; "" for anything. */
	readonly header: string;
}

/** See https://bford.info/cachedir/. */
export const cacheTag: Tag = {
	name: "CACHEDIR.TAG",
	header: "Signature: 8a477f597d28d172789f06886806bc55",
};

/** "NAME" or "NAME:HEADER". */
export function parseTag(text: string): Tag {
	const colon = text.indexOf(":");
	return colon < 0
		? { name: text, header: "" }
		: { name: text.slice(0, colon), header: text.slice(colon + 1) };
}

export function carriesTag(
	{ names, readSmallFile }: DirectoryView,
	{ name, header }: Tag,
): boolean {
	if (!names.includes(name)) return false;
	if (header === "") return true;
	const bytes = readSmallFile(name);
	const expected = encodeName(header);
	return bytes !== undefined && expected.every((byte, i) => bytes[i] === byte);
}
