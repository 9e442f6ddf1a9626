import type { CommandFile } from "../command-entry.ts";
import { withRepository } from "../open-repository.ts";
import { locateRepository } from "../session.ts";
import { pairLines } from "../table.ts";
import { formatTime } from "../times.ts";
import { formatBytes } from "../units.ts";

export const command: CommandFile = {
	define(command) {
		command.description(
			"Show which repository is meant, why, and the parameters it was made with.",
		);
	},
	examples: [["varve config", "show where the repository is"]],
	async run(session) {
		const { location, origin } = locateRepository(session);
		return await withRepository(session, { workers: 0 }, async ({ config }) => {
			const { id, created, chunker, frameBytes, packBytes, features } = config;
			const { report, surroundings } = session;
			report.message("config", {
				repository: location,
				origin,
				id,
				version: 1,
				created,
				chunker,
				frame_bytes: frameBytes,
				pack_bytes: packBytes,
				features,
			});
			const sizes = [chunker.min, chunker.average, chunker.max];
			report.lines(
				pairLines([
					["repository", `${location} (${originWords[origin]})`],
					["id", id],
					["format", "1"],
					["made", formatTime(Date.parse(created), surroundings.offsetAt)],
					[
						"chunks",
						`${sizes.map(formatBytes).join(" / ")} (least / average / most), ${chunker.algorithm}`,
					],
					["frames", formatBytes(frameBytes)],
					["packs", formatBytes(packBytes)],
					["features", features.length === 0 ? "none" : features.join(", ")],
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
