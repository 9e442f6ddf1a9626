// The programs that are compared. A tool gives, for each thing it can do, the commands that do it; a `place` says where:
// `repository`, `cache`, `home`, `scratch`, `source`, `target`, and `count`, the number of snapshots taken so far.
// Each gets caches of its own below the run's directory, and TMPDIR there too: restic writes every pack to it first.
import { execFileSync, spawnSync } from "node:child_process";
import { existsSync } from "node:fs";
import { fileURLToPath } from "node:url";

const varveProgram = fileURLToPath(
	new URL("../../packages/cli/bin/varve.js", import.meta.url),
);

function output(program, args) {
	const run = spawnSync(program, args, { encoding: "utf8" });
	return run.status === 0 ? run.stdout.trim() : undefined;
}

/** The commit of this checkout, with a plus when something in the packages is not committed. */
function commit() {
	const cwd = fileURLToPath(new URL(".", import.meta.url));
	const git = (...args) =>
		execFileSync("git", args, { cwd, encoding: "utf8" }).trim();
	try {
		const changed = git("status", "--porcelain", "--", "../../packages");
		return git("rev-parse", "--short", "HEAD") + (changed ? "+" : "");
	} catch {
		return "no commit known"; // a tarball, or no git: the version still stands beside it
	}
}

function varve() {
	if (!existsSync(varveProgram))
		return { name: "varve", absent: "not built: run npm start or tsc -b" };
	const version = output(process.execPath, [varveProgram, "--version"]);
	if (version === undefined)
		return { name: "varve", absent: "does not start: is it built?" };
	const on = (place, ...words) => [
		process.execPath,
		varveProgram,
		words[0],
		"-r",
		place.repository,
		...words.slice(1),
	];
	const does = {
		init: (place) => [on(place, "init")],
		snapshot: (place) => [on(place, "snapshot", place.source)],
		restore: (place) => [on(place, "restore", "latest", "-t", place.target)],
		verify: (place) => [on(place, "verify", "--read-data")],
		scrub: (place) => [on(place, "verify", "--scrub")],
		list: (place) => [on(place, "snapshots")],
		gc: (place) => [
			on(place, "forget", "--keep-last", "1"),
			on(place, "gc", "--grace", "0"),
		],
	};
	return {
		name: "varve",
		version: `${version} (${commit()}), Node ${process.version}`,
		environment: (place) => ({ XDG_CACHE_HOME: place.cache }),
		does,
	};
}

function restic() {
	const version = output("restic", ["version"]);
	if (version === undefined) return { name: "restic", absent: "not installed" };
	const on = (...words) => ["restic", ...words];
	return {
		name: "restic",
		version,
		environment: (place) => ({
			RESTIC_REPOSITORY: place.repository,
			RESTIC_PASSWORD: "varve-bench",
			RESTIC_CACHE_DIR: place.cache,
		}),
		does: {
			init: () => [on("init")],
			snapshot: (place) => [on("backup", place.source)],
			restore: (place) => [on("restore", "latest", "--target", place.target)],
			verify: () => [on("check", "--read-data")],
			list: () => [on("snapshots")],
			gc: () => [on("forget", "--keep-last", "1", "--prune")],
		},
		// it has no lighter check of every byte, so the scrub row repeats what verify cost in the same round
		instead: { scrub: "verify" },
	};
}

function borg() {
	const version = output("borg", ["--version"]);
	if (version === undefined) return { name: "borg", absent: "not installed" };
	const on = (...words) => ["borg", ...words];
	return {
		name: "borg",
		version: `${version} --encryption none --compression zstd,3`,
		environment: (place) => ({
			BORG_REPO: place.repository,
			BORG_BASE_DIR: place.cache,
			BORG_CACHE_DIR: place.cache,
			BORG_UNKNOWN_UNENCRYPTED_REPO_ACCESS_IS_OK: "yes",
			BORG_RELOCATED_REPO_ACCESS_IS_OK: "yes",
		}),
		does: {
			init: () => [on("init", "--encryption", "none")],
			snapshot: (place) => [
				on(
					"create",
					"--compression",
					"zstd,3",
					`::s${place.count + 1}`,
					place.source,
				),
			],
			// it restores into the current directory, which the row makes `target`
			restore: (place) => [on("extract", `::s${place.count}`)],
			verify: () => [on("check", "--verify-data")],
			scrub: () => [on("check", "--repository-only")],
			list: () => [on("list")],
			gc: () => [on("prune", "--keep-last", "1"), on("compact")],
		},
	};
}

/** Varve as it would be if no frame had a base. */
function varvePlain() {
	const whole = varve();
	if (whole.absent) return { ...whole, name: "varve-plain" };
	const snapshot = (place) =>
		whole.does.snapshot(place).map((argv) => [...argv, "--no-delta"]);
	return {
		...whole,
		name: "varve-plain",
		version: `${whole.version} --no-delta`,
		does: { ...whole.does, snapshot },
	};
}

const makers = { varve, "varve-plain": varvePlain, restic, borg };

/** The tools with these names, those first that can run; the others carry `absent`, the reason. */
export function chooseTools(names) {
	return names.map((name) => {
		const make = makers[name];
		if (make === undefined) throw new Error(`no tool is called ${name}`);
		return make();
	});
}
