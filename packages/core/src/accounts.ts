import { readFile } from "node:fs/promises";

/** Names by number. */
export interface AccountNames {
	readonly users: { readonly [uid: string]: string };
	readonly groups: { readonly [gid: string]: string };
}

/** Users and groups that have another number here than where the snapshot was taken, by the number there. */
export interface AccountMaps {
	readonly users: ReadonlyMap<number, number>;
	readonly groups: ReadonlyMap<number, number>;
}

export const sameAccounts: AccountMaps = {
	users: new Map(),
	groups: new Map(),
};

const userFile = "/etc/passwd";
const groupFile = "/etc/group";

/** Names of users and groups by number, as this machine's files of accounts have them. Numbers without a name are left out. */
export async function lookUpNames(
	uids: ReadonlySet<number>,
	gids: ReadonlySet<number>,
): Promise<AccountNames> {
	return {
		users: await namesIn(userFile, uids),
		groups: await namesIn(groupFile, gids),
	};
}

/** Finds the users and groups of these names on this machine. Who has no such name here, or the same number, is left out. */
export async function lookUpNumbers(
	{ users, groups }: AccountNames,
	files = { users: userFile, groups: groupFile },
): Promise<AccountMaps> {
	return {
		users: await numbersIn(files.users, users),
		groups: await numbersIn(files.groups, groups),
	};
}

async function namesIn(
	file: string,
	numbers: ReadonlySet<number>,
): Promise<{ [number: string]: string }> {
	const names: { [number: string]: string } = {};
	for (const { name, number } of await accountsIn(file))
		if (numbers.has(number)) names[number] ??= name;
	return names;
}

async function numbersIn(
	file: string,
	names: { readonly [number: string]: string },
): Promise<Map<number, number>> {
	const here = new Map<string, number>();
	for (const { name, number } of await accountsIn(file))
		if (!here.has(name)) here.set(name, number);
	const changed = new Map<number, number>();
	for (const [there, name] of Object.entries(names)) {
		const number = here.get(name);
		if (number !== undefined && number !== Number(there))
			changed.set(Number(there), number);
	}
	return changed;
}

async function accountsIn(
	file: string,
): Promise<{ name: string; number: number }[]> {
	const text = await readFile(file, "utf8").catch(() => "");
	return text.split("\n").flatMap((line) => {
		const [name, , number] = line.split(":");
		return name !== undefined && /^\d{1,10}$/.test(number ?? "")
			? [{ name, number: Number(number) }]
			: [];
	});
}
