/**
 * Makes a text safe to show: names of files come from anywhere, and what drives a terminal must not reach one. Control
 * characters, bytes that are not UTF-8 (lone surrogates, see name.ts of the format), line separators and what reorders or hides
 * text become visible escapes. Joiners stay: emoji and several scripts need them.
 */
export function escapeText(text: string): string {
	return unsafe.test(text) ? text.replace(everyUnsafe, escapeOf) : text;
}

const unsafeClass =
	"(?![\\u200c\\u200d])[\\p{Cc}\\p{Cf}\\p{Cs}\\p{Co}\\p{Zl}\\p{Zp}]";
const unsafe = new RegExp(unsafeClass, "u");
const everyUnsafe = new RegExp(unsafeClass, "gu");

const short: Readonly<Record<string, string>> = {
	"\n": "\\n",
	"\r": "\\r",
	"\t": "\\t",
};

function escapeOf(character: string): string {
	const known = short[character];
	if (known !== undefined) return known;
	const code = character.codePointAt(0) as number;
	if (code >= 0xdc80 && code <= 0xdcff) return `\\x${hex(code - 0xdc00, 2)}`;
	if (code < 0x80) return `\\x${hex(code, 2)}`;
	return code < 0x10000 ? `\\u${hex(code, 4)}` : `\\U${hex(code, 8)}`;
}

function hex(value: number, digits: number): string {
	return value.toString(16).padStart(digits, "0");
}

/**
 * A word as a POSIX shell reads it back: as it is, in single quotes, or, where it holds what must not be shown, in `$'…'`, which
 * bash, zsh and ksh know.
 */
export function quoteForShell(word: string): string {
	if (/^[\w@%+=:,./-]+$/.test(word)) return word;
	if (!unsafe.test(word)) return `'${word.replaceAll("'", "'\\''")}'`;
	const inner = word
		.replace(/[\\']/g, "\\$&")
		.replace(everyUnsafe, (character) => escapeOf(character));
	return `$'${inner}'`;
}
