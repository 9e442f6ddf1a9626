import {
	type ConflictError,
	isVarveError,
	type VarveError,
} from "@varve/format";

/** The same error in other words, saying that the repository had changed by then: `details.committed`. */
export function afterCommit(
	error: unknown,
	message: (of: VarveError) => string,
): unknown {
	if (!isVarveError(error)) return error;
	const Class = error.constructor as new (
		...args: ConstructorParameters<typeof ConflictError>
	) => VarveError;
	return new Class(
		error.code,
		message(error),
		{ ...error.details, committed: true },
		{ cause: error },
	);
}
