import { mkdtempSync, readFileSync, rmSync, statSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, expect, test } from "vitest";
import { openLog } from "../../packages/cli/src/log-file.ts";

const directory = mkdtempSync(join(tmpdir(), "varve-log-"));
afterEach(() => rmSync(directory, { recursive: true, force: true }));

test("lines are appended with their time, escaped, and at once", async () => {
	const path = join(directory, "log");
	const options = { clock: () => "12:00", warn: () => undefined };
	const log = openLog(path, options);
	log.line("one\u001b[0m");
	await Promise.resolve();
	expect(readFileSync(path, "utf8")).toBe("12:00 one\\x1b[0m\n");
	log.line("two");
	log.close();
	log.line("too late");
	openLog(path, options).close();
	expect(readFileSync(path, "utf8")).toBe("12:00 one\\x1b[0m\n12:00 two\n");
	expect(statSync(path).mode & 0o777).toBe(0o600);
});

test("a file that cannot be written is said at once", () => {
	const path = join(directory, "missing", "log");
	const options = { clock: () => "", warn: () => undefined };
	expect(() => openLog(path, options)).toThrow(/cannot write the log file/);
});

test.skipIf(process.platform !== "linux")(
	"a log that cannot go on is given up with one warning",
	() => {
		const warnings: string[] = [];
		const warn = (message: string) => warnings.push(message);
		const log = openLog("/dev/full", { clock: () => "12:00", warn });
		log.line("x".repeat(100_000));
		log.line("y".repeat(100_000));
		log.close();
		expect(warnings).toHaveLength(1);
		expect(warnings[0]).toContain("ENOSPC");
	},
);
