import { readFile } from "node:fs/promises";

/** Names of users and groups by number, as this machine's files of accounts have them. Numbers without a name are left out. */
export async function lookUpNames(
	uids: ReadonlySet<number>,
	gids: ReadonlySet<number>,
): Promise<{
	users: { [uid: string]: string };
	groups: { [gid: string]: string };
}> {
	return {
		users: await namesIn("/etc/passwd", uids),
		groups: await namesIn("/etc/group", gids),
	};
}

async function namesIn(
	file: string,
	numbers: ReadonlySet<number>,
): Promise<{ [number: string]: string }> {
	const names: { [number: string]: string } = {};
	for (const line of (await readFile(file, "utf8").catch(() => "")).split(
		"\n",
	)) {
		const [name, , number] = line.split(":");
		if (
			name !== undefined &&
			number !== undefined &&
			numbers.has(Number(number))
		)
			names[number] ??= name;
	}
	return names;
}
