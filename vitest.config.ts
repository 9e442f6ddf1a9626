import { defineConfig } from "vitest/config";

/** Tests that run the program as a whole: it uses all cores itself, so they go one file after another, after the others. */
const wholeProgram = [
	"test/e2e/**/*.test.ts",
	"test/crash/**/*.test.ts",
	"test/interop/**/*.test.ts",
	"test/project/pack.test.ts",
	"test/project/start.test.ts",
];

export default defineConfig({
	test: {
		// Processes, not threads: native modules, working directory, umask and signals belong to a process.
		pool: "forks",
		projects: [
			{
				extends: true,
				test: {
					name: "modules",
					include: ["test/**/*.test.ts"],
					exclude: ["**/node_modules/**", ...wholeProgram],
					maxWorkers: 2,
					testTimeout: 30_000,
					hookTimeout: 30_000,
					sequence: { groupOrder: 0 },
				},
			},
			{
				extends: true,
				test: {
					name: "program",
					include: wholeProgram,
					exclude: ["**/node_modules/**"],
					fileParallelism: false,
					testTimeout: 180_000,
					hookTimeout: 180_000,
					sequence: { groupOrder: 1 },
				},
			},
		],
	},
});
