import { createHash } from "node:crypto";
import { lstatSync, readdirSync, readFileSync, readlinkSync } from "node:fs";

/** What a directory holds, for comparison: kind, mode, owner, time to the nanosecond, content, target, and which names are one file. */
export function describeTree(folder: string): { [path: string]: string } {
	const entries: { [path: string]: string } = {};
	const firstNames = new Map<bigint, string>();
	const describe = (path: Buffer, shown: string) => {
		const stat = lstatSync(path, { bigint: true });
		const owner = `${stat.mode.toString(8)} ${stat.uid}:${stat.gid} ${stat.mtimeNs}`;
		let rest = "";
		if (stat.isSymbolicLink())
			rest = readlinkSync(path, "buffer").toString("latin1");
		else if (stat.isFile()) {
			const hash = createHash("sha256").update(readFileSync(path));
			rest = `${stat.size} ${hash.digest("hex")}`;
		}
		if (!stat.isDirectory() && stat.nlink > 1n) {
			const first = firstNames.get(stat.ino) ?? shown;
			firstNames.set(stat.ino, first);
			rest += ` = ${first}`;
		}
		entries[shown] = `${owner} ${rest}`;
		if (!stat.isDirectory()) return;
		for (const name of readdirSync(path, { encoding: "buffer" }).sort(
			Buffer.compare,
		))
			describe(
				Buffer.concat([path, Buffer.from("/"), name]),
				`${shown}/${name.toString("latin1")}`,
			);
	};
	describe(Buffer.from(folder), "");
	return entries;
}
