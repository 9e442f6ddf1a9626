import { type RepositoryFacts, readConfig } from "@varve/core";
import type { CommandFile } from "../command-entry.ts";
import { withRepository } from "../open-repository.ts";
import { locateRepository } from "../session.ts";
import { pairLines } from "../table.ts";
import { formatTime, type OffsetAt } from "../times.ts";
import { formatBytes, formatCounted } from "../units.ts";

export const command: CommandFile = {
	define(command) {
		command.description(
			"Show which repository is meant and why, the parameters it was made with, and what lies in it.",
		);
	},
	examples: [["varve config", "show where the repository is"]],
	async run(session) {
		const { location, origin } = locateRepository(session);
		return await withRepository(session, { workers: 0 }, async (repository) => {
			const facts = await readConfig(repository);
			const { config, space, kinds } = facts;
			const { report, surroundings } = session;
			report.message("config", {
				repository: location,
				origin,
				id: config.id,
				version: 1,
				created: config.created,
				chunker: config.chunker,
				frame_bytes: config.frameBytes,
				pack_bytes: config.packBytes,
				features: config.features,
				space,
				kinds,
			});
			report.lines(
				pairLines([
					["repository", `${location} (${originWords[origin]})`],
					...factPairs(facts, surroundings.offsetAt),
				]),
			);
			return 0;
		});
	},
};

const originWords = {
	flag: "named by -r",
	environment: "named by VARVE_REPOSITORY",
	upwards: "the nearest .varve upwards",
	default: "the default one",
} as const;

function factPairs(
	{ config, space, kinds }: RepositoryFacts,
	offsetAt: OffsetAt,
): (readonly [string, string])[] {
	const { id, created, chunker, frameBytes, packBytes, features } = config;
	const { min, average, max, algorithm } = chunker;
	const sizes = [min, average, max].map(formatBytes).join(" / ");
	return [
		["id", id],
		["format", "1"],
		["made", formatTime(Date.parse(created), offsetAt)],
		["chunks of", `${sizes} (least / average / most), ${algorithm}`],
		["frames of", formatBytes(frameBytes)],
		["packs of", formatBytes(packBytes)],
		["features", features.length === 0 ? "none" : features.join(", ")],
		...kinds.map(
			({ kind, files, bytes }) =>
				[
					kind,
					`${formatCounted(files, "file")}, ${formatBytes(bytes)}`,
				] as const,
		),
		...(space === undefined ? [] : [["free", formatBytes(space)] as const]),
	];
}
