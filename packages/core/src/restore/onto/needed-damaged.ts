import { CorruptError } from "@varve/format";

/** With `verify`, nothing is changed unless everything can be. */
export function neededDamaged(path: string, message: string): CorruptError {
	return new CorruptError(
		"NEEDED_DAMAGED",
		`nothing was changed: ${path} is needed and cannot be read (${message})`,
		{ path },
	);
}
