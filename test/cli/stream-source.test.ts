import { expect, test } from "vitest";
import { outputOf } from "../../packages/cli/src/stream-source.ts";

const { signal } = new AbortController();

function run(script: string) {
	const words = [process.execPath, "-e", script];
	return outputOf(words, { cwd: process.cwd(), signal });
}

async function textOf(bytes: AsyncIterable<Uint8Array>): Promise<string> {
	const parts: Uint8Array[] = [];
	for await (const part of bytes) parts.push(part);
	return Buffer.concat(parts).toString();
}

test("what a command wrote is whole, also if it is read long after the command has ended", async () => {
	const { bytes, done } = run("process.stdout.write('a'.repeat(40_000))");
	// The pipe of the system holds all of it, so that the command ends unread.
	await done;
	expect(await textOf(bytes)).toBe("a".repeat(40_000));
});

test("more than pipes hold comes through as it is read", async () => {
	const { bytes, done } = run("process.stdout.write('b'.repeat(3_000_000))");
	expect((await textOf(bytes)).length).toBe(3_000_000);
	await done;
});

test("a command that fails is an error, whatever it wrote", async () => {
	const { bytes, done } = run("console.log(1); process.exitCode = 7");
	expect(await textOf(bytes)).toBe("1\n");
	await expect(done).rejects.toMatchObject({ code: "COMMAND_FAILED" });
});

test("a command that is not there is an error", async () => {
	const { done } = outputOf(["/no/such/command"], { cwd: "/", signal });
	await expect(done).rejects.toMatchObject({ code: "COMMAND_FAILED" });
});
