import { readFile } from "node:fs/promises";
import { resolve } from "node:path";
import { InputError } from "@varve/core";
import type { Surroundings } from "./surroundings.ts";

/** The bytes of each of these files, "-" being standard input. InputError for one that cannot be read. */
export async function readLists(
	files: readonly string[],
	from: Pick<Surroundings, "cwd" | "stdin">,
): Promise<Uint8Array<ArrayBuffer>[]> {
	const lists: Uint8Array<ArrayBuffer>[] = [];
	for (const file of files) lists.push(await readList(file, from));
	return lists;
}

async function readList(
	file: string,
	{ cwd, stdin }: Pick<Surroundings, "cwd" | "stdin">,
): Promise<Uint8Array<ArrayBuffer>> {
	if (file === "-") return await readAll(stdin);
	try {
		return await readFile(resolve(cwd, file));
	} catch (cause) {
		if (!(cause instanceof Error) || !("syscall" in cause)) throw cause;
		throw new InputError(
			"CANNOT_READ_LIST",
			`cannot read ${file}: ${cause.message}`,
			{ file },
			{ cause },
		);
	}
}

async function readAll(
	stream: AsyncIterable<Uint8Array>,
): Promise<Uint8Array<ArrayBuffer>> {
	const parts: Uint8Array[] = [];
	for await (const part of stream) parts.push(part);
	return Buffer.concat(parts);
}
