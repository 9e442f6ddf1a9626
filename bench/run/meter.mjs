// What one command costs: wall time, user and system time, peak memory. Node cannot ask the kernel for the usage of a
// child, so a small process in between does: python3 (wait4), else GNU time, else nobody, and then only wall is known.
import { spawnSync } from "node:child_process";
import {
	closeSync,
	existsSync,
	openSync,
	readFileSync,
	rmSync,
	statSync,
} from "node:fs";
import { availableParallelism } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";

const program = fileURLToPath(new URL("./meter.py", import.meta.url));
const TICKS_A_SECOND = 100;
const TAIL = 2000;
const SHORT = 0.5;

const python = {
	name: "python3 wait4",
	wrap: (result, argv) => ["python3", program, result, ...argv],
	read: (result) => JSON.parse(readFileSync(result, "utf8")),
};

const gnuTime = {
	name: "GNU time",
	wrap: (result, argv) => [
		"/usr/bin/time",
		"-q",
		"-o",
		result,
		"-f",
		"%e %U %S %M",
		...argv,
	],
	// it ends as the command did, with 128 and more for a signal
	read: (result) => {
		const [wall, user, system, kilobytes] = readFileSync(result, "utf8")
			.trim()
			.split(" ")
			.map(Number);
		return { wall, user, system, peak: kilobytes * 1024 };
	},
};

const wallOnly = {
	name: "wall time only",
	wrap: (_result, argv) => argv,
	read: () => ({}),
};

/** The best way to measure that this machine has. */
export function chooseMeter() {
	if (spawnSync("python3", ["--version"]).status === 0) return python;
	const time = spawnSync("/usr/bin/time", ["-q", "-f", "%e", "true"]);
	return time.status === 0 ? gnuTime : wallOnly;
}

/** Seconds of CPU that the whole machine has spent so far, or undefined where nobody says. */
function machineSeconds() {
	if (!existsSync("/proc/stat")) return undefined;
	const [line] = readFileSync("/proc/stat", "utf8").split("\n");
	const [user, nice, system, , , irq, softirq, steal] = line
		.split(/ +/)
		.slice(1)
		.map(Number);
	return (user + nice + system + irq + softirq + steal) / TICKS_A_SECOND;
}

/**
 * The share of the machine, 0 to 1, that others used meanwhile, the meter among them; unknown for what is over before
 * the kernel's ticks and the meter's own start stop counting.
 */
function noiseOf({ user, system }, { wall, before }) {
	const after = machineSeconds();
	if (after === undefined || user === undefined || wall < SHORT)
		return undefined;
	const others = after - before - user - system;
	return Math.max(0, others / (wall * availableParallelism()));
}

function tail(path) {
	const text = statSync(path).size > 0 ? readFileSync(path, "utf8") : "";
	return text.slice(-TAIL).trim();
}

/**
 * Runs one command and returns `wall`, `user`, `system` in seconds, `peak` in bytes, `noise` as a share of the machine,
 * `exit` (128 or more, or below 0, for a signal) and `complaint`, the end of what it wrote to stderr.
 */
export function measure(meter, argv, { environment, cwd, scratch }) {
	const result = join(scratch, "usage");
	const errors = join(scratch, "stderr");
	rmSync(result, { force: true });
	const [file, ...args] = meter.wrap(result, argv);
	const output = openSync(join(scratch, "stdout"), "w");
	const complaints = openSync(errors, "w");
	const before = machineSeconds();
	const begun = process.hrtime.bigint();
	const child = spawnSync(file, args, {
		cwd,
		env: { ...plainEnvironment(), ...environment },
		stdio: ["ignore", output, complaints],
	});
	const wall = Number(process.hrtime.bigint() - begun) / 1e9;
	closeSync(output);
	closeSync(complaints);
	if (child.error) throw child.error;
	const usage = { wall, exit: child.status ?? -1, ...meter.read(result) };
	return {
		...usage,
		noise: noiseOf(usage, { wall, before }),
		complaint: tail(errors),
	};
}

/** Without what makes every start of Node slower and has nothing to do with what is measured: a list of certificates of one's own. */
function plainEnvironment() {
	const { NODE_EXTRA_CA_CERTS: _, NODE_OPTIONS: __, ...rest } = process.env;
	return rest;
}

/** Waits until others leave nine tenths of the machine alone for a second, at most `patience` seconds. */
export function waitForQuiet(patience) {
	const pause = new Int32Array(new SharedArrayBuffer(4));
	for (let waited = 0; waited < patience; waited++) {
		const before = machineSeconds();
		if (before === undefined) return;
		Atomics.wait(pause, 0, 0, 1000);
		if ((machineSeconds() - before) / availableParallelism() < 0.1) return;
	}
}
