import { PassThrough } from "node:stream";
import { describe, expect, test } from "vitest";
import { conflictAsker } from "../../packages/cli/src/ask-conflict.ts";
import type { Session } from "../../packages/cli/src/session.ts";

/** A terminal on which someone types these lines, and then Ctrl-D. */
function sessionOf(lines: readonly string[], isTTY: boolean): Session {
	const stdin = Object.assign(new PassThrough(), { isTTY });
	const stderr = new PassThrough();
	const left = [...lines];
	stderr.on("data", (text: Buffer) => {
		if (!text.toString().includes("[s]kip")) return;
		const line = left.shift();
		if (line === undefined) stdin.end();
		else stdin.write(`${line}\n`);
	});
	return {
		surroundings: { stdin, stderr },
		screen: { printError: () => undefined },
		signal: new AbortController().signal,
	} as unknown as Session;
}

const conflict = { path: "/a", conflict: "newer" } as const;

describe("asking about conflicts", () => {
	test("takes a letter, and asks again for anything else", async () => {
		const ask = conflictAsker(sessionOf(["what?", "k", "o"], true));
		expect(await ask(conflict)).toBe("keep-both");
		expect(await ask(conflict)).toBe("overwrite");
	});

	test("a capital letter is the answer to all that follow", async () => {
		const ask = conflictAsker(sessionOf(["S"], true));
		expect(await ask(conflict)).toBe("skip");
		expect(await ask(conflict)).toBe("skip");
	});

	test("the end of the input is an answer to nothing, and no bug", async () => {
		const ask = conflictAsker(sessionOf(["what?"], true));
		await expect(ask(conflict)).rejects.toMatchObject({
			name: "ConflictError",
			code: "NO_ANSWER",
			message: expect.stringContaining("nothing was changed"),
		});
	});

	test("without a terminal there is nobody to ask", async () => {
		const ask = conflictAsker(sessionOf([], false));
		await expect(ask(conflict)).rejects.toMatchObject({ code: "CANNOT_ASK" });
	});
});
