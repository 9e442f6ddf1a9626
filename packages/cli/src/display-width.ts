/** Columns a text takes on a terminal, as far as it can be known: wide characters count two, combining ones none. */
export function displayWidth(text: string): number {
	if (/^[\x20-\x7e]*$/.test(text)) return text.length;
	let width = 0;
	for (const character of text) width += characterWidth(character);
	return width;
}

const wide =
	/^[\u1100-\u115f\u2e80-\u303e\u3041-\ua4cf\uac00-\ud7a3\uf900-\ufaff\ufe30-\ufe6f\uff00-\uff60\uffe0-\uffe6\u{1b000}-\u{1b2ff}\u{1f1e6}-\u{1ffff}\u{20000}-\u{3fffd}]|^\p{Emoji_Presentation}/u;

function characterWidth(character: string): number {
	if (/^[\p{Mn}\p{Me}\p{Cf}]/u.test(character)) return 0;
	return wide.test(character) ? 2 : 1;
}

/** The text, or its end behind "…", in at most `width` columns. */
export function keepEnd(text: string, width: number): string {
	if (displayWidth(text) <= width) return text;
	const characters = [...text];
	let used = 1;
	let from = characters.length;
	while (from > 0) {
		used += characterWidth(characters[from - 1] as string);
		if (used > width) break;
		from--;
	}
	return width < 1 ? "" : `…${characters.slice(from).join("")}`;
}

/** The text, or its beginning, in at most `width` columns. */
export function keepBeginning(text: string, width: number): string {
	if (displayWidth(text) <= width) return text;
	let used = 0;
	let kept = "";
	for (const character of text) {
		used += characterWidth(character);
		if (used > width) break;
		kept += character;
	}
	return kept;
}

/** Fills up with spaces to `width` columns. */
export function padEnd(text: string, width: number): string {
	return text + " ".repeat(Math.max(0, width - displayWidth(text)));
}

export function padStart(text: string, width: number): string {
	return " ".repeat(Math.max(0, width - displayWidth(text))) + text;
}
