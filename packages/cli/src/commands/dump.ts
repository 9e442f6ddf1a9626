import { resolve } from "node:path";
import { type DumpRequest, dump, InputError, selectPath } from "@varve/core";
import { Option } from "commander";
import type { CommandFile } from "../command-entry.ts";
import { doubted } from "../exit-code.ts";
import { addFilterFlags, type FilterFlags, filterOf } from "../filter-flags.ts";
import { withRepository } from "../open-repository.ts";
import { writeNewFile } from "../output-file.ts";
import type { Session } from "../session.ts";
import { formatBytes } from "../units.ts";

interface Flags extends FilterFlags {
	readonly archive: DumpRequest["format"];
	readonly target?: string;
}

export const command: CommandFile = {
	define(command) {
		command
			.description(
				"Print a snapshot, or what is below one of its paths, as a tar or zip archive.",
			)
			.argument("<snapshot>", "which one, and with :path what of it")
			.addOption(
				new Option("-a, --archive <format>", "which kind of archive")
					.choices(["tar", "zip"])
					.default("tar"),
			)
			.option("-t, --target <file>", "write it to a new file");
		addFilterFlags(command);
	},
	examples: [
		["varve dump latest:/etc | tar tv", "look into a directory as tar sees it"],
		["varve dump latest -a zip -t all.zip", "make a zip file"],
	],
	async run(session, command) {
		const flags = command.opts<Flags>();
		requirePlace(session, flags);
		return await withRepository(session, { workers: 0 }, async (repository) => {
			const selected = await selectPath(
				repository,
				command.args[0] as string,
				filterOf(flags),
			);
			const { snapshot, path } = selected;
			const request = { format: flags.archive, path };
			const parts = stoppable(dump(repository, snapshot, request), session);
			await writeOut(session, parts, flags);
			return doubted(selected, 0);
		});
	},
};

async function* stoppable(
	parts: AsyncIterable<Uint8Array>,
	{ signal }: Session,
): AsyncGenerator<Uint8Array> {
	for await (const part of parts) {
		signal.throwIfAborted();
		yield part;
	}
}

async function writeOut(
	{ report, screen, surroundings }: Session,
	parts: AsyncIterable<Uint8Array>,
	{ target }: Flags,
): Promise<void> {
	if (target === undefined) {
		for await (const part of parts) await screen.write(part);
		return;
	}
	const path = resolve(surroundings.cwd, target);
	const bytes = await writeNewFile(path, parts);
	report.message("summary", { target: path, bytes });
	report.account([`wrote ${path}, ${formatBytes(bytes)}`]);
}

/** An archive is for a file or for a program. */
function requirePlace(
	{ report, surroundings }: Session,
	{ target }: Flags,
): void {
	if (target !== undefined) return;
	if (report.json)
		throw new InputError(
			"NO_JSON",
			"an archive has no place in --json: name a file with -t FILE",
		);
	if (surroundings.stdout.isTTY === true)
		throw new InputError(
			"TERMINAL",
			"an archive is nothing for a terminal: name a file with -t FILE, or pass it on to a program",
		);
}
