import { expect, test } from "vitest";
import { jsonLine } from "../../packages/cli/src/json-line.ts";

test("a message is one line of JSON that begins with its type", () => {
	expect(jsonLine("status", { percent_done: 0.5, gone: undefined })).toBe(
		'{"message_type":"status","percent_done":0.5}\n',
	);
});

test("what drives a terminal or ends a line is escaped, and reads back the same (T67)", () => {
	const item = "a\u001b[0m\u009b31m\n\u2028\u202e\u007f\ufeff";
	const line = jsonLine("error", { item });
	expect(line.slice(0, -1)).toMatch(/^[\x20-\x7e]*$/);
	expect(JSON.parse(line)).toEqual({ message_type: "error", item });
});

test("bytes that are not text become U+FFFD, so that any reader takes the line", () => {
	const line = jsonLine("error", { list: [{ item: "a\udcff" }], b: "\\udcff" });
	expect(JSON.parse(line)).toEqual({
		message_type: "error",
		list: [{ item: "a\ufffd" }],
		b: "\\udcff",
	});
	expect(line).not.toContain("udcff}");
});
