/**
 * Every failure a caller can meet, sorted by what the caller can do about it. Codes say what happened, in stable words.
 * Damage that is found (verify) and entries that cannot be read (snapshot) are results, not exceptions.
 */

export type Details = Readonly<
	Record<string, string | number | bigint | boolean>
>;

const varveError = Symbol.for("varve.error");

export abstract class VarveError extends Error {
	/** What happened, in upper case: stable across versions. */
	readonly code: string;
	/** What it happened to: paths, ids, sizes. */
	readonly details: Details;
	readonly [varveError] = true;

	constructor(
		code: string,
		message: string,
		details: Details = {},
		options?: ErrorOptions,
	) {
		super(message, options);
		this.name = new.target.name;
		this.code = code;
		this.details = details;
	}
}

/** The call is wrong: fix it. */
export class InputError extends VarveError {}
/** What was asked for is not there. */
export class NotFoundError extends VarveError {}
/** Someone or something is in the way: wait, or take another name. */
export class ConflictError extends VarveError {}
/** Needs something this program or this platform does not have. */
export class UnsupportedError extends VarveError {}
/** Stored bytes are not what they should be. Never retried. */
export class CorruptError extends VarveError {}
/** The repository's storage failed. `details.transient` is true where a retry may help. */
export class StorageError extends VarveError {}
/** One entry of a source could not be read. Collected in results, thrown only where it concerns the only source. */
export class SourceError extends VarveError {}
/** The place restored to cannot take what is restored. */
export class TargetError extends VarveError {}

const classes = {
	InputError,
	NotFoundError,
	ConflictError,
	UnsupportedError,
	CorruptError,
	StorageError,
	SourceError,
	TargetError,
} as const;

/** Works across threads and duplicated packages, where `instanceof` does not. */
export function isVarveError(error: unknown): error is VarveError {
	return typeof error === "object" && error !== null && varveError in error;
}

/** What is left of an error when it crosses a thread: structured clone would drop class and code. */
export interface WireError {
	readonly name: string;
	readonly code?: string;
	readonly message: string;
	readonly details?: Details;
	readonly stack?: string;
	readonly cause?: WireError;
}

/** Causes of causes that are kept: more than any real error has, and an end where they go round in a circle. */
const maxCauses = 16;

export function toWire(error: unknown, causes = maxCauses): WireError {
	if (!(error instanceof Error))
		return { name: "Error", message: String(error) };
	const code = (error as { code?: unknown }).code;
	return {
		name: error.name,
		message: error.message,
		...(typeof code === "string" ? { code } : {}),
		...(isVarveError(error) ? { details: error.details } : {}),
		...(error.stack === undefined ? {} : { stack: error.stack }),
		...(error.cause === undefined || causes === 0
			? {}
			: { cause: toWire(error.cause, causes - 1) }),
	};
}

export function fromWire(wire: WireError): Error {
	const options =
		wire.cause === undefined ? undefined : { cause: fromWire(wire.cause) };
	const error = rebuild(wire, options);
	if (wire.stack !== undefined) error.stack = wire.stack;
	return error;
}

function rebuild(wire: WireError, options: ErrorOptions | undefined): Error {
	if (Object.hasOwn(classes, wire.name)) {
		const Class = classes[wire.name as keyof typeof classes];
		return new Class(
			wire.code ?? "UNKNOWN",
			wire.message,
			wire.details,
			options,
		);
	}
	const error = new Error(wire.message, options);
	error.name = wire.name;
	if (wire.code !== undefined) Object.assign(error, { code: wire.code });
	return error;
}
