import { spawnSync } from "node:child_process";
import { chmodSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { commandTable } from "../../packages/cli/src/command-table.ts";
import { bashScript } from "../../packages/cli/src/completion/bash.ts";
import { fishScript } from "../../packages/cli/src/completion/fish.ts";
import { zshScript } from "../../packages/cli/src/completion/zsh.ts";
import { shapeOf } from "../../packages/cli/src/program-shape.ts";

const folder = mkdtempSync(join(tmpdir(), "varve-completion-"));
const has = (shell: string) =>
	spawnSync(shell, ["--version"]).error === undefined;

/** Answers as `varve __complete snapshots` does, and shows which repository it was asked about. */
const program = `#!/bin/sh
case "$*" in
	"--repo /some/repo __complete snapshots") printf '%s\\t%s\\n' 77777777 'in some repo' ;;
	"__complete snapshots") printf '%s\\t%s\\n' 3f2a91bc '2026-11-19 host /etc' 4c5d6e7f '2026-11-18 host /etc' ;;
	*) exit 2 ;;
esac
`;

beforeAll(async () => {
	const shape = await shapeOf(commandTable);
	writeFileSync(join(folder, "varve"), program);
	chmodSync(join(folder, "varve"), 0o755);
	writeFileSync(join(folder, "a-file.txt"), "");
	writeFileSync(join(folder, "varve.bash"), bashScript(shape));
	writeFileSync(join(folder, "_varve"), zshScript(shape));
	writeFileSync(join(folder, "varve.fish"), fishScript(shape));
});
afterAll(() => rmSync(folder, { recursive: true }));

function shell(name: string, args: string[], input = ""): string {
	const { stdout, stderr, error } = spawnSync(name, args, {
		cwd: folder,
		input,
		encoding: "utf8",
		timeout: 20_000,
		env: {
			PATH: `${folder}:${process.env["PATH"]}`,
			HOME: folder,
			LC_ALL: "C.UTF-8",
			TERM: "dumb",
		},
	});
	expect(error).toBeUndefined();
	expect(stderr).toBe("");
	return stdout;
}

/** What is offered behind these words, the last of which is being typed. */
const cases: readonly [string[], { offered: string[]; hidden: string[] }][] = [
	[["sna"], { offered: ["snapshot", "snapshots"], hidden: ["show"] }],
	[["che"], { offered: ["check", "checksums"], hidden: ["__complete"] }],
	[
		["snapshot", "--exclude-"],
		{
			offered: ["--exclude-caches", "--exclude-file"],
			hidden: ["--verify", "--target"],
		},
	],
	[
		["backup", "--compression", "f"],
		{ offered: ["fastest"], hidden: ["better"] },
	],
	[["snapshot", "a-f"], { offered: ["a-file.txt"], hidden: [] }],
	[["show", "3"], { offered: ["3f2a91bc"], hidden: ["4c5d6e7f"] }],
	[["restore", "la"], { offered: ["latest"], hidden: [] }],
	[
		["-r", "/some/repo", "show", "7"],
		{ offered: ["77777777"], hidden: ["3f2a91bc"] },
	],
	[["completion", "z"], { offered: ["zsh"], hidden: ["bash"] }],
];

describe.skipIf(!has("bash"))("in bash", () => {
	test.each(cases)("%j", (words, { offered, hidden }) => {
		const script = `. ./varve.bash; COMP_WORDS=(varve "$@"); COMP_CWORD=$#; _varve; printf '%s\\n' "\${COMPREPLY[@]}"`;
		const lines = shell("bash", ["-c", script, "bash", ...words]).split("\n");
		expect(lines).toEqual(expect.arrayContaining(offered));
		for (const word of hidden) expect(lines).not.toContain(word);
	});
});

describe.skipIf(!has("fish"))("in fish", () => {
	test.each(cases)("%j", (words, { offered, hidden }) => {
		const script = `source varve.fish; complete -C 'varve ${words.join(" ")}'`;
		const lines = shell("fish", ["--no-config", "-c", script]).split("\n");
		const offers = lines.map((line) => line.split("\t")[0]);
		expect(offers).toEqual(expect.arrayContaining(offered));
		for (const word of hidden) expect(offers).not.toContain(word);
	});
});

/** Types into a shell of its own and prints what is offered there: completion works in the line editor only. */
const typist = `
zmodload zsh/zpty
zpty typed zsh -f -i
send() { zpty -w typed "$1" }
send 'PS1=; PROMPT_EOL_MARK=; unsetopt zle_bracketed_paste; fpath=($PWD $fpath); autoload -U compinit; compinit -u -D'
send 'zstyle ":completion:*" list-prompt ""; zstyle ":completion:*" menu no; LISTMAX=0; COLUMNS=400'
send 'compadd () {
	if [[ \${@[1,(i)(-|--)]} == *-(O|A|D)\\ * ]]; then builtin compadd "$@"; return $?; fi
	typeset -a __hits; builtin compadd -A __hits "$@"
	[[ -n $__hits ]] && print -rl -- "offer "$^__hits
	builtin compadd "$@"
}'
send "echo rea''dy"
zpty -r typed out '*ready*'
zpty -w -n typed "$1"$'\\t'
zpty -w -n typed $'\\C-u'
zpty -w typed "echo do''ne"
zpty -r typed out '*done*'
print -r -- "$out"
zpty -d typed
`;

describe.skipIf(!has("zsh"))("in zsh", () => {
	test("the script has no fault of syntax", () => {
		expect(shell("zsh", ["-n", "_varve"])).toBe("");
	});

	test.each(cases)("%j", (words, { offered, hidden }) => {
		writeFileSync(join(folder, "typist.zsh"), typist);
		const typed = shell("zsh", [
			"-f",
			"typist.zsh",
			`varve ${words.join(" ")}`,
		]);
		const offers = [...typed.matchAll(/offer ([^\s\r]+)/g)].map((m) => m[1]);
		expect(offers).toEqual(expect.arrayContaining(offered));
		for (const word of hidden) expect(offers).not.toContain(word);
	});
});
