export interface NumberedTest {
	/** From the root, with slashes. */
	readonly path: string;
	readonly title: string;
}

export type TestsByNumber = ReadonlyMap<string, readonly NumberedTest[]>;

export function testsByNumber(
	sources?: readonly { readonly path: string; readonly text: string }[],
): TestsByNumber;
export function withTests(text: string, tests: TestsByNumber): string;
export function complaints(text: string, tests: TestsByNumber): string[];
export function readPage(): string;
