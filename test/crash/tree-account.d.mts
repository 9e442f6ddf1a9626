export type TreeAccount = ReadonlyMap<string, string>;
export function accountOf(folder: string): TreeAccount;
export function differences(
	expected: TreeAccount,
	actual: TreeAccount,
	most?: number,
): string[];
