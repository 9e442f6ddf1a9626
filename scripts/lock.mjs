// Two commands started at once in a fresh clone must not install into one directory together: the second waits.

import { mkdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { stampDirectory } from "./stamps.mjs";

const lockFile = join(stampDirectory, "lock");

/** Runs `work` while no other process of this checkout does. A lock whose process is gone is taken over. */
export async function exclusively(work) {
	await takeLock();
	try {
		return await work();
	} finally {
		rmSync(lockFile, { force: true });
	}
}

async function takeLock() {
	let told = false;
	while (!tryLock()) {
		const owner = lockOwner();
		if (owner !== undefined && !isAlive(owner)) {
			rmSync(lockFile, { force: true });
			continue;
		}
		if (!told && owner !== undefined) {
			console.error(
				`varve: waiting for process ${owner}, which installs or builds in this checkout`,
			);
			told = true;
		}
		await sleep(100);
	}
}

function tryLock() {
	mkdirSync(stampDirectory, { recursive: true });
	try {
		writeFileSync(lockFile, String(process.pid), { flag: "wx" });
		return true;
	} catch (error) {
		if (error.code === "EEXIST") return false;
		throw error;
	}
}

/** undefined: the lock is gone, or its owner has not written its number yet. */
function lockOwner() {
	try {
		const pid = Number(readFileSync(lockFile, "utf8"));
		return pid > 0 ? pid : undefined;
	} catch (error) {
		if (error.code === "ENOENT") return undefined;
		throw error;
	}
}

function isAlive(pid) {
	try {
		process.kill(pid, 0);
		return true;
	} catch (error) {
		return error.code !== "ESRCH";
	}
}
