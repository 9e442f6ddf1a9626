import { spawnSync } from "node:child_process";
import { existsSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { describe, expect, test } from "vitest";

const root = fileURLToPath(new URL("../..", import.meta.url));
const inGit = existsSync(join(root, ".git"));

/** Written so that this file does not match itself. /home/anna, /home/user and /home/u are examples, and nobody's. */
const forbidden: readonly (readonly [string, RegExp])[] = [
	[
		"a home directory",
		/(?<![\w.@-])\/(?:root|home\/(?!(?:anna|user|[a-z])\b)[a-z][\w.-]*|Users\/[a-z][\w.-]*)\//i,
	],
	[
		"a package registry",
		/\bregistry\.[\w-]+\.[a-z]{2,}\b|\/\/[\w.-]*(?:artifactory|nexus|verdaccio)[\w.-]*\//i,
	],
];

/** Lines of a text that name what belongs to one machine. */
function placesNamed(text: string): string[] {
	return text
		.split("\n")
		.flatMap((line, index) =>
			forbidden
				.filter(([, pattern]) => pattern.test(line))
				.map(
					([what]) =>
						`line ${index + 1} names ${what}: ${line.trim().slice(0, 100)}`,
				),
		);
}

function trackedFiles(): string[] {
	const { stdout } = spawnSync("git", ["ls-files", "-z"], {
		cwd: root,
		encoding: "utf8",
	});
	return stdout
		.split("\0")
		.filter((file) => file !== "" && existsSync(join(root, file)));
}

describe("tracked files", () => {
	test.skipIf(!inGit)("name no home directory and no registry host", () => {
		const files = trackedFiles();
		expect(files.length).toBeGreaterThan(10);
		const found = files.flatMap((file) =>
			placesNamed(readFileSync(join(root, file), "latin1")).map(
				(place) => `${file}: ${place}`,
			),
		);
		expect(found).toEqual([]);
	});

	test.each([
		`cd ${"/root"}/project`,
		`"${"/home"}/somebody/project"`,
		`${"/Users"}/somebody/project`,
		`resolved: https://${"registry"}.example.org/level`,
	])("%s is found", (line) => {
		expect(placesNamed(line)).toHaveLength(1);
	});

	test.each([
		"/home/anna/notes",
		"docs/root/index",
		"the registry, as npm sees it",
	])("%s is not", (line) => {
		expect(placesNamed(line)).toEqual([]);
	});
});
