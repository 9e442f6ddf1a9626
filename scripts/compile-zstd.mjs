// Compiles zstd-napi without node-gyp, for machines that have a compiler, but no Python, no make, or no headers of Node.
// The sources, definitions and flags are those of the package's binding.gyp; the headers are those of the package
// node-api-headers.

import { mkdirSync, readdirSync, realpathSync, rmSync } from "node:fs";
import { availableParallelism } from "node:os";
import { basename, join } from "node:path";
import { root } from "./stamps.mjs";
import { runTool } from "./tool.mjs";

const flags = [
	"-O3",
	"-fPIC",
	"-pthread",
	"-fexceptions",
	"-fvisibility=hidden",
];
const zstdDefinitions = [
	"-DXXH_NAMESPACE=ZSTD_",
	"-DZSTDERRORLIB_VISIBLE=",
	"-DZSTDLIB_VISIBLE=",
	"-DZSTD_MULTITHREAD",
	"-DZSTD_NO_TRACE",
];
const bindingDefinitions = [
	"-DNAPI_VERSION=8",
	"-DNODE_ADDON_API_DISABLE_DEPRECATED",
	"-DNODE_API_SWALLOW_UNTHROWABLE_EXCEPTIONS",
	"-DNODE_API_NO_EXTERNAL_BUFFERS_ALLOWED",
	"-DBUILDING_NODE_EXTENSION",
];

/** Leaves build/Release/binding.node in the installed package. */
export async function compileZstd() {
	const home = realpathSync(
		join(root, "packages/kernel/node_modules/zstd-napi"),
	);
	const objects = join(home, "build", "Release", "objects");
	mkdirSync(objects, { recursive: true });
	const units = [...zstdUnits(home), ...bindingUnits(home)].map((unit) => ({
		...unit,
		object: join(objects, `${basename(unit.source)}.o`),
	}));
	await inParallel(units, ({ compiler, source, args, object }) =>
		runTool(compiler, [...flags, ...args, "-c", source, "-o", object]),
	);
	await runTool("c++", [
		"-pthread",
		...(process.platform === "darwin"
			? ["-bundle", "-undefined", "dynamic_lookup"]
			: ["-shared", "-Wl,-z,noexecstack", "-Wl,-z,relro", "-Wl,-z,now"]),
		"-o",
		join(home, "build", "Release", "binding.node"),
		...units.map(({ object }) => object),
	]);
	rmSync(objects, { recursive: true });
}

function zstdUnits(home) {
	const library = join(home, "deps", "zstd", "lib");
	return ["common", "compress", "decompress"]
		.flatMap((part) => sourcesIn(join(library, part), /\.[cS]$/))
		.map((source) => ({ compiler: "cc", source, args: zstdDefinitions }));
}

function bindingUnits(home) {
	const includes = [
		join(root, "node_modules/node-api-headers/include"),
		realpathSync(join(home, "..", "node-addon-api")),
		join(home, "deps", "zstd", "lib"),
	];
	return sourcesIn(join(home, "src"), /\.cc$/).map((source) => ({
		compiler: "c++",
		source,
		args: [
			"-std=gnu++17",
			...includes.map((directory) => `-I${directory}`),
			...bindingDefinitions,
		],
	}));
}

function sourcesIn(directory, pattern) {
	return readdirSync(directory)
		.filter((name) => pattern.test(name))
		.map((name) => join(directory, name));
}

async function inParallel(items, work) {
	const queue = [...items];
	const worker = async () => {
		for (let item = queue.shift(); item !== undefined; item = queue.shift())
			await work(item);
	};
	await Promise.all(Array.from({ length: availableParallelism() }, worker));
}
