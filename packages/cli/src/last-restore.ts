import { mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { join, resolve } from "node:path";
import { InputError } from "@varve/core";
import { cacheFolder, type Session } from "./session.ts";

const fileName = "last-restore.json";

/** Notes in the cache where the last restore onto what was there went, so that nobody need say it again. What cannot be noted is no failure. */
export function noteRestore(session: Session, path: string): void {
	const folder = cacheFolder(session);
	if (folder === undefined) return;
	try {
		mkdirSync(folder, { recursive: true, mode: 0o700 });
		writeFileSync(join(folder, fileName), JSON.stringify({ path }));
	} catch (error) {
		session.log.line(`cannot note the last restore: ${error}`);
	}
}

/** The directory someone named, or that of the last restore. InputError "NO_TARGET" where nobody knows. */
export function lastRestore(
	session: Session,
	named: string | undefined,
): string {
	if (named !== undefined) return resolve(session.surroundings.cwd, named);
	const folder = cacheFolder(session);
	const noted = folder && readNote(join(folder, fileName));
	if (noted === undefined)
		throw new InputError("NO_TARGET", "say which directory was restored into");
	return noted;
}

function readNote(file: string): string | undefined {
	try {
		const { path } = JSON.parse(readFileSync(file, "utf8"));
		return typeof path === "string" ? path : undefined;
	} catch {
		// It is only a note: gone with the cache, or cut.
		return undefined;
	}
}
