import { type Command, Option } from "commander";

/** Options that every command has. */
export interface GlobalOptions {
	readonly repo: string | undefined;
	readonly json: boolean;
	readonly quiet: boolean;
	/** 0, 1 for -v, 2 for -vv. */
	readonly verbose: number;
	readonly logFile: string | undefined;
	readonly cacheDir: string | undefined;
	/** False with --no-cache. */
	readonly cache: boolean;
}

/** Declares them; they may stand before the command and behind it. */
export function addGlobalOptions(command: Command): void {
	const add = (flags: string, description: string, env?: string) => {
		const option = new Option(flags, description).helpGroup("Global options:");
		command.addOption(env === undefined ? option : option.env(env));
		return option;
	};
	// Its variable is read where the repository is looked for.
	add(
		"-r, --repo <dir>",
		"the repository; else VARVE_REPOSITORY, the nearest .varve/ upwards, or the default one",
	);
	add("--json", "print JSON lines, for programs");
	add("-q, --quiet", "print nothing but results and errors");
	const verbose = add("-v, --verbose", "say more; -vv names every entry");
	verbose.argParser((_, previous: number | undefined) => (previous ?? 0) + 1);
	add("--log-file <file>", "append each step and error to a file");
	add(
		"--cache-dir <dir>",
		"where the client keeps its cache",
		"VARVE_CACHE_DIR",
	);
	add("--no-cache", "keep nothing on the client");
	command.addHelpOption(
		new Option("-h, --help", "show help").helpGroup("Global options:"),
	);
}

/** The options given to the program and to the command, the latter first. */
export function readGlobalOptions(
	program: Command,
	command: Command,
): GlobalOptions {
	const [outer, inner] = [program.opts<Given>(), command.opts<Given>()];
	return {
		repo: inner.repo ?? outer.repo,
		json: inner.json ?? outer.json ?? false,
		quiet: inner.quiet ?? outer.quiet ?? false,
		verbose: (inner.verbose ?? 0) + (outer.verbose ?? 0),
		logFile: inner.logFile ?? outer.logFile,
		cacheDir: inner.cacheDir ?? outer.cacheDir,
		cache: inner.cache !== false && outer.cache !== false,
	};
}

type Given = {
	[K in keyof GlobalOptions]?: Exclude<GlobalOptions[K], undefined>;
};
