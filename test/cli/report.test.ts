import { CorruptError, NotFoundError } from "@varve/core";
import { describe, expect, test } from "vitest";
import { Interrupted } from "../../packages/cli/src/interrupted.ts";
import { Report } from "../../packages/cli/src/report.ts";
import { Screen } from "../../packages/cli/src/screen.ts";
import { Kept } from "./fake-surroundings.ts";

async function reported(
	options: { json?: boolean; quiet?: boolean },
	say: (report: Report) => void,
) {
	const [out, err] = [new Kept(), new Kept()];
	const screen = new Screen(out, err);
	const { json = false, quiet = false } = options;
	say(new Report(screen, { command: "ls", json, quiet }));
	await screen.flush();
	return { out, err };
}

function coded(code: string, message: string): Error {
	return Object.assign(new Error(message), { code });
}

function everything(report: Report): void {
	report.message("node", { path: "/a" });
	report.lines(["asked for"]);
	report.account(["done"]);
	report.warning("odd");
	report.entryError("/b: cannot be read", { item: "/b" });
	report.failure(
		new NotFoundError("NO_SUCH_SNAPSHOT", "there is no\u001b snapshot"),
	);
}

const sentences = [
	"error: /b: cannot be read",
	"varve: there is no\\x1b snapshot",
	"hint: varve snapshots lists what there is",
];

describe("Report", () => {
	test("tells people on two streams, and what to do about a failure", async () => {
		const { out, err } = await reported({}, everything);
		expect(out.lines).toEqual(["asked for", "done"]);
		expect(err.lines).toEqual(["warning: odd", ...sentences]);
	});

	test("is silent with -q but for what was asked for and errors", async () => {
		const { out, err } = await reported({ quiet: true }, everything);
		expect(out.lines).toEqual(["asked for"]);
		expect(err.lines).toEqual(sentences);
	});

	test("tells programs all of it in one stream, a header first and the failure last", async () => {
		const { out, err } = await reported({ json: true }, everything);
		expect(err.text).toBe("");
		expect(out.messages).toEqual([
			{ message_type: "header", schema: "varve/1", command: "ls" },
			{ message_type: "node", path: "/a" },
			{ message_type: "warning", message: "odd" },
			{ message_type: "error", item: "/b" },
			{
				message_type: "exit_error",
				code: 1,
				message: "there is no\u001b snapshot",
				error: "NO_SUCH_SNAPSHOT",
				hint: "varve snapshots lists what there is",
			},
		]);
	});

	test("shows the stack of a bug and of what caused it, and of nothing else", async () => {
		const { err } = await reported({}, (report) => {
			report.failure(new TypeError("oops", { cause: new Error("deeper") }));
		});
		expect(err.lines[0]).toBe("varve: this is a bug: oops");
		expect(err.text).toMatch(/^\s+at .*report\.test/m);
		expect(err.text).toContain("caused by: deeper");
		const damage = await reported({}, (report) => {
			report.failure(new CorruptError("BAD_TREE", "a tree is damaged"));
			report.failure(new Interrupted("SIGINT"));
			report.failure(
				Object.assign(new Error("ENOSPC: no space left, write"), {
					syscall: "write",
					errno: -28,
				}),
			);
		});
		expect(damage.err.text).not.toMatch(/^\s+at /m);
		expect(damage.err.lines[1]).toMatch(/^hint: run varve verify --read-data/);
	});

	test("says a wrong call in one line, and nothing where help was shown or the reader has gone", async () => {
		const { err } = await reported({}, (report) => {
			const message = "error: unknown option '--fo'\n(Did you mean --force?)";
			report.failure(coded("commander.unknownOption", message));
			report.failure(coded("commander.help", "(outputHelp)"));
			report.failure(coded("commander.helpDisplayed", ""));
			report.failure(coded("EPIPE", "broken pipe"));
		});
		expect(err.lines).toEqual([
			"varve: unknown option '--fo' (Did you mean --force?)",
		]);
	});
});
