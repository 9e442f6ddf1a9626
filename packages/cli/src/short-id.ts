/** The beginning of an id that is shown to people. */
export function shortId(id: string): string {
	return id.slice(0, 8);
}
