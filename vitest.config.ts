import { defineConfig } from "vitest/config";

/** Tests that run the program as a whole: they go after the others. It waits for disks and for itself, so that two of them share a machine well. */
const wholeProgram = [
	"test/e2e/**/*.test.ts",
	"test/crash/**/*.test.ts",
	"test/interop/**/*.test.ts",
];

/** Tests that send signals at moments they measure, or build the program anew: one file after another, when all else is done. */
const alone = [
	"test/e2e/interruption.test.ts",
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
					exclude: ["**/node_modules/**", ...wholeProgram, ...alone],
					maxWorkers: 2,
					testTimeout: 180_000,
					hookTimeout: 180_000,
					sequence: { groupOrder: 0 },
				},
			},
			{
				extends: true,
				test: {
					name: "program",
					include: wholeProgram,
					exclude: ["**/node_modules/**", ...alone],
					maxWorkers: 2,
					testTimeout: 180_000,
					hookTimeout: 180_000,
					sequence: { groupOrder: 1 },
				},
			},
			{
				extends: true,
				test: {
					name: "alone",
					include: alone,
					exclude: ["**/node_modules/**"],
					fileParallelism: false,
					testTimeout: 180_000,
					hookTimeout: 180_000,
					sequence: { groupOrder: 2 },
				},
			},
		],
	},
});
