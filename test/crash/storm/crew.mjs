// The processes of a storm: started, told to end, suspended, killed; and what they said they had done.

import { spawn } from "node:child_process";
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { decodeLease } from "@varve/format";

const driver = fileURLToPath(new URL("driver.mjs", import.meta.url));

/** Errors that are no failures, by what was being done. */
const expected = {
	/** Forgotten and collected before the restore had its lease. */
	restore: ["NO_SUCH_SNAPSHOT", "NOT_FOUND"],
	gc: ["LOCKED"],
};

/** What is known of all that was done, whoever did it. */
export class Ledger {
	#log;
	/** Snapshots that are there, by what was printed: their notes by id. */
	taken = new Map();
	/** Those that somebody said he would forget, whether he did or not. */
	forgotten = new Set();
	/** Notes of snapshots that ended with an error: they must not be there. */
	refused = new Set();

	constructor(log) {
		this.#log = log;
	}

	willForget(ids) {
		for (const id of ids) this.forgotten.add(id);
	}

	hear(driver, message) {
		const { began, done, failed } = message;
		if (began !== undefined) {
			driver.doing = message;
			this.willForget(message.ids ?? []);
		} else if (done !== undefined) this.#end(driver, message);
		else if (failed !== undefined) this.#fail(driver, message);
	}

	#end(driver, message) {
		const { done, id, note, findings = [], wrong, problems = [] } = message;
		const { state } = message;
		const there = driver.endWork();
		const isFenced = there !== undefined;
		this.#log.count(`${done}s`);
		if (isFenced) this.#log.count(`${done}sFencedTooLate`);
		if (id !== undefined && done === "snapshot") {
			this.taken.set(id, note);
			this.#log.expect(
				there?.has(id) !== false,
				`${driver.name} committed ${id} after it was fenced`,
			);
		}
		if (state !== undefined) this.#log.count(`gcs-${state}`);
		if (message.packsRegrouped > 0) this.#log.count("gcs-cold");
		// What a reader without a lease was given may be gone: then it says so.
		if (isFenced && problems.length > 0) return;
		if (wrong !== undefined || problems.length > 0)
			this.#log.fail(
				`${driver.name} restored ${id} (${this.#standing([id])}): ${wrong} ${problems.slice(0, 3)}`,
			);
		if (isFenced || findings.length === 0) return;
		const hurt = findings.flatMap((one) => one.snapshots ?? []);
		this.#log.fail(
			`${driver.name} verified, and found ${this.#standing(hurt)}: ${JSON.stringify(findings).slice(0, 600)}`,
		);
	}

	/** For reports. */
	#standing(ids) {
		const known = ids.filter((id) => this.forgotten.has(id)).length;
		return `${ids.length} snapshots, ${known} of them to be forgotten`;
	}

	#fail(driver, { failed, message }) {
		const { began, note } = driver.doing ?? {};
		const isFenced = driver.endWork() !== undefined;
		if (note !== undefined) this.refused.add(note);
		this.#log.count(`failed-${began}-${failed}`);
		if (isFenced && failed !== "BUG") {
			this.#log.expect(
				failed === "FENCED",
				`${driver.name}, fenced, ended ${began} with ${message}`,
			);
			return;
		}
		if (expected[began]?.includes(failed)) return;
		this.#log.fail(`${driver.name} failed to ${began}: ${message}`);
	}
}

/** One process. */
export class Driver {
	doing;
	/** Snapshots that were there when its lease was taken away while it was at what it does now. */
	#thereWhenFenced;
	#child;
	#ended;
	#isReady = false;
	name;

	constructor(orders, ledger) {
		this.name = orders.name;
		const child = spawn(process.execPath, [driver, JSON.stringify(orders)], {
			stdio: ["pipe", "pipe", "inherit"],
			env: environment(),
		});
		this.#child = child;
		this.ready = new Promise((resolve) => {
			eachLine(child.stdout, (message) => {
				if (message.ready) {
					this.#isReady = true;
					resolve();
				}
				ledger.hear(this, message);
			});
			child.once("close", resolve);
		});
		this.#ended = new Promise((resolve) => {
			child.once("close", (code) => resolve(code));
		});
		child.stdin.on("error", () => {});
	}

	get pid() {
		return this.#child.pid;
	}

	/** What it does as far as it is heard: a verb, "between" two of them, or "starting". */
	get phase() {
		return this.doing?.began ?? (this.#isReady ? "between" : "starting");
	}

	get isAlive() {
		return this.#child.exitCode === null && this.#child.signalCode === null;
	}

	signal(name) {
		return this.isAlive && this.#child.kill(name);
	}

	/** Resolves once the kernel has suspended it, and all that it said before is heard. */
	async suspend() {
		this.signal("SIGSTOP");
		while (this.isAlive && stateOf(this.pid) !== "T") await pause(1);
		await pause(20);
	}

	fenced(snapshots) {
		this.#thereWhenFenced = snapshots;
	}

	/** What `fenced` was told, if that was while it was at this. */
	endWork() {
		const there = this.#thereWhenFenced;
		this.#thereWhenFenced = undefined;
		this.doing = undefined;
		return there;
	}

	/** Ends what it does, and then itself. */
	async finish() {
		this.#child.stdin.end();
		return await this.#ended;
	}

	/** Resolves with what it was doing: by then all that it said is heard. */
	async kill() {
		this.signal("SIGKILL");
		await this.#ended;
		return this.phase;
	}
}

/** More certificates than Node has would be read at each start. */
function environment() {
	const { NODE_EXTRA_CA_CERTS: _, ...rest } = process.env;
	return { ...rest, NODE_OPTIONS: "" };
}

/** Letter of the state of a process, as proc(5) has it. */
function stateOf(pid) {
	try {
		const stat = readFileSync(`/proc/${pid}/stat`, "utf8");
		return stat.slice(stat.lastIndexOf(")") + 2)[0];
	} catch (error) {
		if (error.code === "ENOENT" || error.code === "ESRCH") return undefined;
		throw error;
	}
}

/** Ids of the leases that a process holds. */
export async function leasesOf(repository, pid) {
	const found = [];
	for (const { name } of await repository.backend.list("leases"))
		try {
			const bytes = await repository.backend.read("leases", name);
			const lease = decodeLease(bytes, repository.tools.sha256Hex);
			if (lease.pid === pid && name.endsWith(".0")) found.push(lease.lease);
		} catch (error) {
			if (error.name !== "NotFoundError") throw error;
		}
	return found;
}

function eachLine(stream, hear) {
	let text = "";
	stream.setEncoding("utf8").on("data", (more) => {
		const lines = (text + more).split("\n");
		text = lines.pop();
		for (const line of lines) hear(JSON.parse(line));
	});
}

export const pause = (ms) => new Promise((resolve) => setTimeout(resolve, ms));

export const machines = 2;

/** One of them by what a lease says of its holder. */
export function machine(number) {
	const id = String(number).repeat(32);
	return { host: `machine-${number}`, machineId: id, bootId: `boot-${id}` };
}

export const cacheOf = (folder, number) => join(folder, `cache-${number}`);
