import { describe, expect, test } from "vitest";
import {
	findRepository,
	type RepositoryOrigin,
	type Search,
} from "../../packages/cli/src/find-repository.ts";
import {
	defaultCacheFolder,
	defaultRepository,
	type UserPlace,
} from "../../packages/cli/src/folders.ts";

const linux: UserPlace = { env: {}, home: "/home/anna", platform: "linux" };

function search(changes: Partial<Search>, directories: string[] = []): Search {
	return {
		...linux,
		flag: undefined,
		cwd: "/home/anna/project/src",
		isDirectory: (path) => directories.includes(path),
		...changes,
	};
}

const near = "/home/anna/project/.varve";
const named = { VARVE_REPOSITORY: "/srv/named" };
const standard = "/home/anna/.local/share/varve/default";

const cases: readonly [string, Search, string, RepositoryOrigin][] = [
	["-r", search({ flag: "/srv/a", env: named }, [near]), "/srv/a", "flag"],
	[
		"-r, from here",
		search({ flag: "../repo" }),
		"/home/anna/project/repo",
		"flag",
	],
	[
		"the environment",
		search({ env: named }, [near]),
		"/srv/named",
		"environment",
	],
	[
		"an empty variable",
		search({ env: { VARVE_REPOSITORY: "" } }, [near]),
		near,
		"upwards",
	],
	["the nearest .varve", search({}, [near, "/.varve"]), near, "upwards"],
	[
		".varve in the directory itself",
		search({ cwd: "/home/anna/project" }, [near]),
		near,
		"upwards",
	],
	[".varve in the root", search({}, ["/.varve"]), "/.varve", "upwards"],
	["nothing", search({}), standard, "default"],
	[
		"nothing, with XDG_DATA_HOME",
		search({ env: { XDG_DATA_HOME: "/data" } }),
		"/data/varve/default",
		"default",
	],
];

describe("findRepository", () => {
	test.each(cases)("%s decides", (_, given, location, origin) => {
		expect(findRepository(given)).toEqual({ location, origin });
	});

	test("what it cannot tell is not taken for absence", () => {
		const isDirectory = () => {
			throw new Error("EACCES");
		};
		expect(() => findRepository(search({ isDirectory }))).toThrow("EACCES");
	});
});

describe("folders", () => {
	const mac: UserPlace = { env: {}, home: "/m/anna", platform: "darwin" };
	const relative = { XDG_DATA_HOME: "data", XDG_CACHE_HOME: "cache" };

	test.each([
		[linux, standard, "/home/anna/.cache/varve"],
		[{ ...linux, env: relative }, standard, "/home/anna/.cache/varve"],
		[
			{ ...linux, env: { XDG_DATA_HOME: "/d", XDG_CACHE_HOME: "/c" } },
			"/d/varve/default",
			"/c/varve",
		],
		[
			mac,
			"/m/anna/Library/Application Support/varve/default",
			"/m/anna/Library/Caches/varve",
		],
		[
			{
				env: { LOCALAPPDATA: "/C/Local" },
				home: "/C",
				platform: "win32" as const,
			},
			"/C/Local/varve/default",
			"/C/Local/varve/cache",
		],
	])("%j has its own places", (place, repository, cache) => {
		expect(defaultRepository(place)).toBe(repository);
		expect(defaultCacheFolder(place)).toBe(cache);
	});
});
