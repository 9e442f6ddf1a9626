import {
	mkdirSync,
	readdirSync,
	readFileSync,
	rmSync,
	writeFileSync,
} from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { Ajv2020 } from "ajv/dist/2020.js";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { type Message, Workbench } from "./workbench.ts";

const folder = fileURLToPath(
	new URL("../../packages/cli/schemas", import.meta.url),
);
const names = readdirSync(folder).map((name) => name.replace(/\.json$/, ""));

/** Nothing beside what a schema names, wherever it names something. */
function closed(schema: unknown): unknown {
	if (Array.isArray(schema)) return schema.map(closed);
	if (typeof schema !== "object" || schema === null) return schema;
	const members = Object.entries(schema).map(([key, value]) => [
		key,
		closed(value),
	]);
	const closing = "properties" in schema ? { additionalProperties: false } : {};
	return { ...Object.fromEntries(members), ...closing };
}

const dateTime = /^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d+)?(Z|[+-]\d\d:\d\d)$/;
const ajv = new Ajv2020({ formats: { "date-time": dateTime }, keywords: [] });
const validators = new Map(
	names.map((name) => {
		const text = readFileSync(join(folder, `${name}.json`), "utf8");
		return [name, ajv.compile(closed(JSON.parse(text)) as object)];
	}),
);

const bench = new Workbench();
const source = bench.path("source");
/** Schemas that some message was checked against. */
const used = new Set<string>();

/** A header first, each message as its schema says, the summary (or what ended it) last. */
function check(
	command: string,
	messages: readonly Message[],
): readonly Message[] {
	expect(messages[0]).toMatchObject({ message_type: "header", command });
	expect(["summary", "exit_error"]).toContain(messages.at(-1)?.message_type);
	for (const message of messages) {
		const type = message.message_type;
		const own = `${type}-${command}`;
		const name = names.includes(own) ? own : type;
		const validate = validators.get(name);
		expect(validate, `a schema for ${name}`).toBeDefined();
		used.add(name);
		const isValid = validate?.(message);
		expect(validate?.errors ?? [], JSON.stringify(message)).toEqual([]);
		expect(isValid).toBe(true);
	}
	return messages;
}

beforeAll(() => {
	bench.write("source/a.txt", "one\n");
	bench.write("source/sub/b.bin", new Uint8Array(300_000).fill(7));
	mkdirSync(
		Buffer.concat([Buffer.from(`${source}/`), Buffer.from([0xff, 0x1b])]),
	);
});
afterAll(() => bench.remove());

describe("every message of --json is as its schema says", () => {
	test("init", () => {
		check("init", bench.messages("init"));
	});

	test("snapshot, its dry run, and one that is not whole", () => {
		check(
			"snapshot",
			bench.messages(["snapshot", "-vv", "--tag", "t", "--note", "n", source]),
		);
		bench.write("source/a.txt", "one\ntwo\n");
		check("snapshot", bench.messages(["snapshot", "-n", source]));
		check("snapshot", bench.messages(["snapshot", source]));
		const partly = check(
			"snapshot",
			bench.messages(["snapshot", source, bench.path("gone")]),
		);
		expect(partly.at(-1)).toMatchObject({ files_unread: 1 });
	});

	test.each([
		["snapshots", "snapshots"],
		["snapshots", "list --latest 1"],
		["show", "show latest"],
		["ls", "ls -R latest"],
		["find", "find a.txt b.bin"],
		["history", "history source/a.txt"],
		["checksums", "checksums latest"],
		["diff", "diff --metadata latest~2 latest"],
		["stats", "stats"],
		["config", "config"],
		["cache", "cache"],
		["cache", "cache --clear"],
		["tag", "tag latest --add x --note y"],
		["pin", "pin latest"],
		["unpin", "unpin latest"],
		["forget", "forget --keep-last 1 --keep-within-daily 1y -n --explain"],
		["forget", "forget --keep-tag none"],
		["forget", "forget latest~1"],
		["unforget", "unforget --all"],
		["policy", "policy set default --keep-last 9 --group-by host"],
		["policy", "policy"],
		["policy", "policy remove nothing"],
		["verify", "verify"],
		["verify", "check --read-data"],
		["verify", "verify --scrub"],
		["verify", "verify --budget 1m"],
		["verify", "verify --restore-sim latest"],
		["gc", "gc --dry-run"],
		["gc", "gc --repack --repack-age 0 -n"],
		["gc", "prune"],
		["completion", "completion bash"],
		["dump", "dump latest -t archive.tar"],
		["restore", "restore latest -t restored --verify"],
		["restore", "restore -vv latest -n -t dry"],
		["show", "show nothing"],
	])("%s: varve %s", (command, line) => {
		check(command, bench.messages(line));
	});

	test("status, with changes", () => {
		bench.write("source/new", "new");
		const messages = check("status", bench.messages("status --metadata"));
		expect(messages).toContainEqual(
			expect.objectContaining({
				message_type: "change",
				modifier: "+",
				path: `${source}/new`,
			}),
		);
	});

	test("restore in place, its plan, undo, and a restore that is taken back", () => {
		bench.write("source/a.txt", "three\n");
		const plan = check(
			"restore",
			bench.messages("restore latest --in-place --delete -n"),
		);
		expect(plan).toContainEqual(
			expect.objectContaining({ message_type: "plan", action: "update" }),
		);
		check("restore", bench.messages("restore latest --in-place"));
		check("undo", bench.messages("undo"));
		check("restore", bench.messages("restore latest --in-place"));
		check("undo", bench.messages(`undo --forget ${source}`));
		check("restore", bench.messages("restore --abort"));
	});

	test("unlock, with a lease that cannot be judged", () => {
		const name = `leases/${"ab".repeat(16)}.0`;
		const path = bench.write(`repository/${name}`, "");
		const messages = check("unlock", bench.messages("unlock"));
		check("doctor", bench.messages("doctor --fix"));
		rmSync(path);
		expect(messages[1]).toMatchObject({ outcome: "kept" });
	});

	test("find by id", () => {
		const { trees } = bench.messages("show latest")[1] as unknown as {
			trees: string[];
		};
		const messages = check(
			"find",
			bench.messages(["find", "--id", trees[0] ?? ""]),
		);
		expect(messages[1]).toMatchObject({ object_id: trees[0] });
	});

	test("a path that is not UTF-8 has its bytes beside it", () => {
		const messages = check("ls", bench.messages(["ls", "-R", "latest"]));
		const odd = messages.find((m) => typeof m["path_b64"] === "string");
		expect(odd?.["path"]).toBe(`${source}/\ufffd\u001b`);
		expect(
			Buffer.from(String(odd?.["path_b64"]), "base64").subarray(-2),
		).toEqual(Buffer.from([0xff, 0x1b]));
	});

	test("damage, and what cannot be restored because of it", () => {
		for (const folder of ["packs", "copies/packs"])
			for (const name of readdirSync(bench.path("repository", folder), {
				recursive: true,
			}).map(String)) {
				const path = bench.path("repository", folder, name);
				if (name.includes("/"))
					writeFileSync(path, damaged(readFileSync(path)));
			}
		const found = check("verify", bench.messages("verify --read-data"));
		expect(
			found.filter((m) => m.message_type === "error").length,
		).toBeGreaterThan(0);
		rmSync(bench.path("restored"), { recursive: true });
		bench.run(["-r", bench.repository, "cache", "--clear"]);
		check("restore", bench.messages("restore latest -t restored"));
	});

	test("repair of that, and what is lost for good", () => {
		for (const line of ["repair packs --read-data", "repair index"])
			check("repair", bench.messages(line));
		const mended = check("repair", bench.messages("repair snapshots"));
		expect(mended.at(-1)).toMatchObject({ what: "snapshots" });
		loseRecords();
		check("snapshot", bench.messages(["snapshot", source]));
		loseRecords();
		check("recover", bench.messages("recover"));
	});

	test("a wrong call", () => {
		check("", bench.messages("show --nope"));
	});

	test("and each schema has been used", () => {
		const rare = ["warning", "trace", "labels", "status"];
		expect(
			names.filter((name) => !used.has(name) && !rare.includes(name)),
		).toEqual([]);
	});
});

/** With their copies. */
function loseRecords(): void {
	for (const folder of ["snapshots", "copies/snapshots"])
		for (const name of readdirSync(bench.path("repository", folder)))
			rmSync(bench.path("repository", folder, name));
}

/** Another byte every so often: some frame is hit, whatever lies where. */
function damaged(bytes: Buffer): Buffer {
	const copy = Buffer.from(bytes);
	for (let at = 40; at < copy.length; at += 97) copy[at] = (copy[at] ?? 0) ^ 1;
	return copy;
}
