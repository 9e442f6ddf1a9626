import { readFileSync, readlinkSync } from "node:fs";
import { hostname, userInfo } from "node:os";
import type { Identity } from "./ports.ts";

/** Who this process is. What the platform does not tell is ""; what is given is not asked for. */
export function identify(
	program: string,
	given: Partial<Identity> = {},
): Identity {
	return {
		host: given.host ?? hostname(),
		user: given.user ?? userName(),
		machineId: given.machineId ?? readText("/etc/machine-id"),
		bootId: given.bootId ?? readText("/proc/sys/kernel/random/boot_id"),
		pid: given.pid ?? process.pid,
		startTicks: given.startTicks ?? startTicksOf("self") ?? "",
		pidNamespace: given.pidNamespace ?? pidNamespace(),
		program: given.program ?? program,
	};
}

function userName(): string {
	try {
		return userInfo().username;
	} catch (error) {
		// A number without an account has no name.
		if (
			(error as NodeJS.ErrnoException).code?.startsWith("ERR_SYSTEM_ERROR") ===
			true
		)
			return String(process.getuid?.() ?? "");
		throw error;
	}
}

function readText(path: string): string {
	try {
		return readFileSync(path, "utf8").trim();
	} catch {
		// Not this platform, or not allowed: the field stays empty.
		return "";
	}
}

/**
 * Field 22 of /proc/<pid>/stat; the second field, in brackets, may hold spaces. undefined if there is no such process, "" if it
 * cannot be looked at: others' processes may be hidden.
 */
export function startTicksOf(pid: number | "self"): string | undefined {
	const stat = readText(`/proc/${pid}/stat`);
	if (stat !== "") return stat.slice(stat.lastIndexOf(")") + 2).split(" ")[19];
	return pid === "self" || isThere(pid) ? "" : undefined;
}

function isThere(pid: number): boolean {
	try {
		return process.kill(pid, 0);
	} catch (error) {
		return (error as NodeJS.ErrnoException).code !== "ESRCH";
	}
}

function pidNamespace(): string {
	try {
		return readlinkSync("/proc/self/ns/pid");
	} catch {
		return "";
	}
}
