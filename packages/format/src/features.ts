import { CorruptError, UnsupportedError } from "./errors.ts";

/** Features this program understands. A repository or snapshot that needs another one is refused. */
export const knownFeatures: readonly string[] = [];

const featureName = /^[a-z0-9][a-z0-9._-]{0,63}$/;

/** Throws an UnsupportedError that names the first feature this program does not know, a CorruptError for what cannot name one. */
export function requireFeatures(
	features: readonly string[],
	what: string,
): void {
	const unknown = features.find((feature) => !knownFeatures.includes(feature));
	if (unknown === undefined) return;
	if (!featureName.test(unknown))
		throw new CorruptError(
			"BAD_FEATURE",
			`${what} needs a feature that has no proper name`,
			{ what },
		);
	throw new UnsupportedError(
		"UNKNOWN_FEATURE",
		`${what} needs the feature ${unknown}, which this program does not know`,
		{ feature: unknown },
	);
}
