import {
	type Config,
	decodeConfig,
	isVarveError,
	NotFoundError,
	type VarveError,
} from "@varve/format";
import type { Toolbox } from "@varve/kernel";
import type { ReadBackend } from "@varve/store";
import type { Observer } from "../events.ts";

interface Parts {
	readonly backend: ReadBackend;
	readonly tools: Pick<Toolbox, "sha256Hex">;
	readonly observer: Pick<Observer, "on">;
}

/**
 * The config of a repository; where it is missing or damaged its copy, with a warning. NotFoundError "NO_REPOSITORY" where there is neither,
 * UnsupportedError for a newer repository, else what is wrong with the original.
 */
export async function readConfig(parts: Parts): Promise<Config> {
	let failure: VarveError;
	try {
		return await readFrom(parts, "config");
	} catch (error) {
		if (!isVarveError(error) || error.name === "UnsupportedError") throw error;
		failure = error;
	}
	const { backend, observer } = parts;
	const config = await readCopy(parts);
	const isMissing = failure instanceof NotFoundError;
	if (config !== undefined) {
		observer.on({
			type: "warning",
			message: `config is ${isMissing ? "missing" : "damaged"}: its copy is read instead; varve repair puts it back`,
		});
		return config;
	}
	if (!isMissing) throw failure;
	throw new NotFoundError(
		"NO_REPOSITORY",
		`there is no repository at ${backend.location}`,
		{ location: backend.location },
		{ cause: failure },
	);
}

async function readCopy(parts: Parts): Promise<Config | undefined> {
	try {
		return await readFrom(parts, "copies/config");
	} catch (error) {
		if (!isVarveError(error) || error.name === "UnsupportedError") throw error;
		return undefined;
	}
}

async function readFrom(
	{ backend, tools }: Parts,
	kind: "config" | "copies/config",
): Promise<Config> {
	const bytes = await backend.read(kind, "config");
	return decodeConfig(bytes, (b) => tools.sha256Hex(b));
}
