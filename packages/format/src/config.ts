import { type Bytes, fromHex } from "./bytes.ts";
import { InputError, UnsupportedError } from "./errors.ts";
import {
	decodeChecked,
	encodeChecked,
	type Json,
	type Sha256Hex,
} from "./json.ts";

export const formatVersion = 1;
/** Features this program understands. A repository that needs another one is refused. */
export const knownFeatures: readonly string[] = [];

/** `config`: written once, when a repository is made. */
export interface Config {
	/** 32 random bytes in hex. */
	readonly id: string;
	/** RFC 3339. */
	readonly created: string;
	readonly chunker: {
		readonly algorithm: "gear1";
		/** Bytes. */
		readonly min: number;
		readonly average: number;
		readonly max: number;
	};
	/** Raw bytes in a frame, roughly. */
	readonly frameBytes: number;
	/** Bytes in a pack, roughly. */
	readonly packBytes: number;
	/** What a reader must understand. */
	readonly features: readonly string[];
}

export const defaultParameters: Omit<Config, "id" | "created"> = {
	chunker: {
		algorithm: "gear1",
		min: 16 * 1024,
		average: 64 * 1024,
		max: 256 * 1024,
	},
	frameBytes: 1024 * 1024,
	packBytes: 32 * 1024 * 1024,
	features: [],
};

export function encodeConfig(config: Config, sha256: Sha256Hex): Bytes {
	return encodeChecked(
		{
			...(config as unknown as { [key: string]: Json }),
			format: formatVersion,
		},
		sha256,
	);
}

/** Throws UnsupportedError for a newer format or an unknown feature, CorruptError for damage. */
export function decodeConfig(bytes: Bytes, sha256: Sha256Hex): Config {
	const fields = decodeChecked(bytes, "config", sha256);
	const format = fields.count("format");
	if (format !== formatVersion)
		throw new UnsupportedError(
			"NEWER_FORMAT",
			`the repository has format ${format}; this program knows format ${formatVersion}`,
			{
				feature: `format-${format}`,
			},
		);
	const features = fields.strings("features");
	requireFeatures(features, "the repository");
	const chunker = fields.fields("chunker");
	const algorithm = chunker.string("algorithm");
	if (algorithm !== "gear1")
		requireFeatures([`chunker-${algorithm}`], "the repository");
	const config: Config = {
		id: fields.string("id"),
		created: fields.string("created"),
		chunker: {
			algorithm: "gear1",
			min: chunker.count("min"),
			average: chunker.count("average"),
			max: chunker.count("max"),
		},
		frameBytes: fields.count("frameBytes"),
		packBytes: fields.count("packBytes"),
		features,
	};
	requireParameters(config);
	return config;
}

/** Throws an UnsupportedError that names the first feature this program does not know. */
export function requireFeatures(
	features: readonly string[],
	what: string,
): void {
	const unknown = features.find((feature) => !knownFeatures.includes(feature));
	if (unknown !== undefined)
		throw new UnsupportedError(
			"UNKNOWN_FEATURE",
			`${what} needs the feature ${unknown}, which this program does not know`,
			{
				feature: unknown,
			},
		);
}

/** Throws an InputError for parameters that no repository may have. */
export function requireParameters({
	id,
	chunker,
	frameBytes,
	packBytes,
}: Config): void {
	const { min, average, max } = chunker;
	const powerOfTwo =
		average > 0 && 2 ** Math.round(Math.log2(average)) === average;
	if (fromHex(id).length !== 32)
		throw new InputError("BAD_PARAMETERS", "a repository id has 32 bytes");
	if (
		!powerOfTwo ||
		min < 64 ||
		min >= average ||
		max <= average ||
		max > 16 * 1024 * 1024
	)
		throw new InputError(
			"BAD_PARAMETERS",
			`impossible chunk sizes: min ${min}, average ${average}, max ${max}`,
		);
	if (
		frameBytes < 1024 ||
		frameBytes > 32 * 1024 * 1024 ||
		packBytes < frameBytes ||
		packBytes > 1024 * 1024 * 1024
	)
		throw new InputError(
			"BAD_PARAMETERS",
			`impossible sizes: frames of ${frameBytes}, packs of ${packBytes} bytes`,
		);
}
