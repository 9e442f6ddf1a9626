export function externalDifferences(source: string, target: string): string[];
export function featureDifferences(
	source: string,
	target: string,
	features: readonly string[],
): Map<string, string[]>;
