import type { Bytes } from "./bytes.ts";
import { CorruptError, InputError } from "./errors.ts";
import { requireFeatures } from "./features.ts";
import type { Fields } from "./fields.ts";
import { decodeChecked, encodeChecked, type Sha256Hex } from "./json.ts";

export const formatVersion = 1;

/** `config`: written once, when a repository is made. */
export interface Config {
	/** 32 random bytes in hex. */
	readonly id: string;
	/** RFC 3339 with milliseconds. */
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
	/** false: no second copies are made. Else they are. */
	readonly copies?: boolean | undefined;
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

/** Throws an InputError for parameters that no repository may have. */
export function encodeConfig(config: Config, sha256: Sha256Hex): Bytes {
	requireParameters(config);
	const { id, created, chunker, frameBytes, packBytes, features } = config;
	const copies = config.copies === false ? { copies: false } : {};
	const { algorithm, min, average, max } = chunker;
	return encodeChecked(
		{
			format: formatVersion,
			id,
			created,
			chunker: { algorithm, min, average, max },
			frameBytes,
			packBytes,
			features,
			...copies,
		},
		sha256,
	);
}

/** Throws UnsupportedError for a newer format or an unknown feature, CorruptError for damage. */
export function decodeConfig(bytes: Bytes, sha256: Sha256Hex): Config {
	const fields = decodeChecked(bytes, "config", sha256);
	const format = fields.count("format");
	if (format !== formatVersion)
		requireFeatures([`format-${format}`], "the repository");
	const features = fields.strings("features");
	requireFeatures(features, "the repository");
	const config: Config = {
		id: fields.hash("id"),
		created: fields.time("created"),
		chunker: decodeChunker(fields.fields("chunker")),
		frameBytes: fields.count("frameBytes"),
		packBytes: fields.count("packBytes"),
		features,
		...(fields.has("copies") ? { copies: fields.boolean("copies") } : {}),
	};
	const fault = parameterFault(config);
	if (fault !== undefined)
		throw new CorruptError("BAD_PARAMETERS", `config is damaged: ${fault}`);
	return config;
}

function decodeChunker(fields: Fields): Config["chunker"] {
	const algorithm = fields.string("algorithm");
	if (algorithm !== "gear1")
		requireFeatures([`chunker-${algorithm}`], "the repository");
	return {
		algorithm: "gear1",
		min: fields.count("min"),
		average: fields.count("average"),
		max: fields.count("max"),
	};
}

/** Throws an InputError for parameters that no repository may have. */
export function requireParameters(config: Config): void {
	const fault = parameterFault(config);
	if (fault !== undefined) throw new InputError("BAD_PARAMETERS", fault);
}

const mebibyte = 1024 * 1024;

function parameterFault(config: Config): string | undefined {
	const { min, average, max } = config.chunker;
	const { frameBytes, packBytes } = config;
	if (![min, average, max, frameBytes, packBytes].every(Number.isSafeInteger))
		return "sizes are whole numbers of bytes";
	if (!/^[0-9a-f]{64}$/.test(config.id)) return "a repository id has 32 bytes";
	const isPower =
		average > 0 && 2 ** Math.round(Math.log2(average)) === average;
	if (!isPower || min < 64 || min >= average || max <= average)
		return `impossible chunk sizes: min ${min}, average ${average}, max ${max}`;
	if (max > 16 * mebibyte) return `chunks of ${max} bytes are too long`;
	if (frameBytes < 1024 || frameBytes > 32 * mebibyte)
		return `impossible frames of ${frameBytes} bytes`;
	if (packBytes < frameBytes || packBytes > 1024 * mebibyte)
		return `impossible packs of ${packBytes} bytes`;
	return undefined;
}
