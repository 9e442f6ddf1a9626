import { PassThrough } from "node:stream";
import { expect, test } from "vitest";
import {
	outputOf,
	standardInput,
} from "../../packages/cli/src/stream-source.ts";

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

test("an abort closes a standard input that is silent, which would keep the process", async () => {
	const controller = new AbortController();
	const stdin = new PassThrough();
	const { bytes } = standardInput(stdin, controller.signal);
	const text = textOf(bytes);
	controller.abort(new Error("stop"));
	await expect(text).rejects.toThrow("stop");
	expect(stdin.destroyed).toBe(true);
});

test("an abort closes the output of a command that does not stop", async () => {
	const controller = new AbortController();
	const script =
		"process.on('SIGTERM', () => {}); console.log(process.pid); setInterval(() => {}, 1000)";
	const { bytes } = outputOf([process.execPath, "-e", script], {
		cwd: process.cwd(),
		signal: controller.signal,
	});
	const reading = bytes[Symbol.asyncIterator]();
	const pid = Number(Buffer.from((await reading.next()).value).toString());
	controller.abort(new Error("stop"));
	await expect(reading.next()).rejects.toThrow("stop");
	process.kill(pid, "SIGKILL");
});
