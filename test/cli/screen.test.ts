import { Writable } from "node:stream";
import { describe, expect, test } from "vitest";
import {
	isBrokenPipe,
	type OutStream,
	Screen,
} from "../../packages/cli/src/screen.ts";

class Sink extends Writable {
	text = "";
	readonly isTTY: boolean;
	readonly columns: number;
	readonly #failure: NodeJS.ErrnoException | undefined;

	constructor({ isTTY = false, columns = 0, failure = "" } = {}) {
		super({ highWaterMark: 1024 });
		this.isTTY = isTTY;
		this.columns = columns;
		this.#failure =
			failure === ""
				? undefined
				: Object.assign(new Error(failure), { code: failure });
	}

	override _write(
		chunk: Buffer,
		_: BufferEncoding,
		done: (error?: Error) => void,
	): void {
		this.text += chunk.toString();
		setImmediate(() => done(this.#failure));
	}
}

function screenOn(out: OutStream, err: OutStream = new Sink()): Screen {
	return new Screen(out, err);
}

describe("Screen", () => {
	test("escapes every line it prints, on both streams and in progress (T67)", async () => {
		const [out, err] = [new Sink(), new Sink({ isTTY: true })];
		const screen = screenOn(out, err);
		screen.print("a\u001b[2Jb\nc");
		screen.printError("d\u001b[2Je");
		screen.showProgress("f\u001b[2Jg");
		await screen.flush();
		expect(out.text).toBe("a\\x1b[2Jb\\nc\n");
		expect(err.text).toBe("d\\x1b[2Je\n\r\u001b[2Kf\\x1b[2Jg\r\u001b[2K");
	});

	test("takes progress away before a line and shows it again behind it", async () => {
		const err = new Sink({ isTTY: true });
		const screen = screenOn(new Sink(), err);
		screen.showProgress("50 %");
		screen.printError("warning");
		await screen.flush();
		expect(err.text).toBe(
			"\r\u001b[2K50 %\r\u001b[2Kwarning\n\r\u001b[2K50 %\r\u001b[2K",
		);
	});

	test("shows no progress where standard error is no terminal", async () => {
		const err = new Sink();
		const screen = screenOn(new Sink(), err);
		screen.showProgress("50 %");
		await screen.flush();
		expect(err.text).toBe("");
		expect(screen.width).toBe(80);
	});

	test("keeps the order of lines and bytes", async () => {
		const out = new Sink();
		const screen = screenOn(out);
		screen.print("one");
		await screen.write(Buffer.from("two\n"));
		screen.print("three");
		await screen.flush();
		expect(out.text).toBe("one\ntwo\nthree\n");
	});

	test("waits for a slow reader where it prints without end", async () => {
		const out = new Sink();
		const screen = screenOn(out);
		for (let i = 0; i < 100; i++) {
			screen.print("x".repeat(1000));
			await screen.room();
			expect(out.writableLength).toBeLessThan(2048);
		}
		await screen.flush();
		expect(out.text).toHaveLength(100 * 1001);
	});

	test("drops lines when the reader has gone, and stops only what exists for its output", async () => {
		const out = new Sink({ failure: "EPIPE" });
		const screen = screenOn(out);
		const gone = await screen.write(Buffer.from("x")).catch((error) => error);
		expect(isBrokenPipe(gone)).toBe(true);
		screen.print("nobody reads this");
		await screen.flush();
		expect(out.text).toBe("x");
		await expect(screen.room()).rejects.toThrow("EPIPE");
	});

	test("fails where the output could not be written for another reason", async () => {
		const screen = screenOn(new Sink({ failure: "ENOSPC" }));
		screen.print("line");
		await expect(screen.flush()).rejects.toThrow("ENOSPC");
	});
});
