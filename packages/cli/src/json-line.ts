/** Members of a message beside its type. Members that are undefined are left out. */
export type Message = Readonly<Record<string, unknown>>;

export const schemaName = "varve/1";

/**
 * One line of `--json`. Characters that drive a terminal or end a line for some readers are escaped as JSON can, and what is not
 * text (bytes that are not UTF-8, as lone surrogates) becomes U+FFFD: the bytes of a path stand in `path_b64`.
 */
export function jsonLine(type: string, message: Message): string {
	const value = { message_type: type, ...message };
	const line = JSON.stringify(value);
	const whole = line.includes("\\ud")
		? JSON.stringify(value, (_, member) =>
				typeof member === "string" ? wellFormed(member) : member,
			)
		: line;
	return `${whole.replace(active, escapeUnit)}\n`;
}

const active = /[\u007f-\u009f\u200e\u200f\u2028-\u202e\u2066-\u2069\ufeff]/g;

function escapeUnit(unit: string): string {
	return `\\u${unit.charCodeAt(0).toString(16).padStart(4, "0")}`;
}

function wellFormed(text: string): string {
	return text.replace(/\p{Surrogate}/gu, "\ufffd");
}
